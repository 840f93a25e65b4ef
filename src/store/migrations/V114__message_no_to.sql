DROP INDEX sb_message_to /*! ON sb_message */
