//! The kinds of carrier connections, by the names under which accounts keep them.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProviderKind {
    Twilio,
    Flowroute,
    Loopback,
}

impl ProviderKind {
    pub const ALL: [Self; 3] = [Self::Twilio, Self::Flowroute, Self::Loopback];

    pub fn name(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::Flowroute => "flowroute",
            Self::Loopback => "loopback",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
