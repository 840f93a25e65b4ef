DROP INDEX sb_message_from /*! ON sb_message */
