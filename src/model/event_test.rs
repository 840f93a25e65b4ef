//! The table of event types, and what listeners ask for.

use super::*;

#[test]
fn types_and_patterns_read_back_as_they_are_written() {
    for kind in EventType::all() {
        assert_eq!(kind.name().parse::<EventType>().ok(), Some(kind));
        assert_eq!(kind.name().parse::<EventPattern>().ok(), Some(EventPattern::One(kind)));
    }
    for text in ["*"].into_iter().chain(EventGroup::ALL.map(EventGroup::pattern)) {
        assert_eq!(text.parse::<EventPattern>().map(|pattern| pattern.to_string()).ok().as_deref(), Some(text));
    }
    for bad in ["", "message", "message.", "messages.*", "Message.sent", "message.sent ", "**", "message.s*"] {
        assert!(bad.parse::<EventPattern>().is_err(), "{bad}");
    }
}

#[test]
fn rows_say_which_group_they_are_of_and_when_they_happen() {
    for kind in EventType::all() {
        let prefix = kind.group().pattern().trim_end_matches('*');
        assert!(kind.name().starts_with(prefix) && EventGroup::ALL.contains(&kind.group()), "{kind}");
        assert!(kind.when().ends_with('.') && kind.when().starts_with(char::is_uppercase), "{kind}");
    }
    let said = "x".parse::<EventPattern>().map_err(|error| error.to_string());
    let patterns = "`*`, `message.*`, `call.*`, `device.*`, `opt_out.*`, `balance.*`, `account.*`, `session.*`, \
                    `interaction.*`, `verification.*`, `endpoint.*`";
    assert!(said.is_err_and(|said| said.ends_with(patterns)));
}

#[test]
fn message_types_bear_the_names_of_the_states() {
    for state in MessageState::ALL {
        assert_eq!(EventType::Message(state).name(), format!("message.{}", state.name()));
    }
    for status in CallStatus::ALL {
        assert_eq!(EventType::Call(status).name(), format!("call.{}", status.name()));
    }
    for status in VerificationStatus::ALL {
        assert_eq!(EventType::Verification(status).name(), format!("verification.{}", status.name()));
    }
}

#[test]
fn a_pattern_takes_what_it_says() {
    let taken = |text: &str| {
        let pattern = text.parse::<EventPattern>().ok();
        EventType::all().filter(|kind| pattern.is_some_and(|pattern| pattern.matches(*kind))).count()
    };
    assert_eq!((taken("*"), taken("message.*"), taken("device.*"), taken("message.sent")), (43, 11, 2, 1));
    assert_eq!((taken("call.*"), taken("call.no-answer"), taken("session.*")), (9, 1, 7));
}
