//! What the table of carriers comes to: their kinds, their credentials and their accounts, an enum each, so that no
//! message costs an allocation for the sake of who sends it.

/// A row is a name and the type of an account.
macro_rules! carriers {
    ($($kind:ident($account:ty)),+ $(,)?) => {
        /// The kinds of carriers, by the names under which accounts keep them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum CarrierKind {
            $($kind),+
        }

        /// What an account is opened with.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Credentials {
            $($kind(<$account as Provider>::Credentials)),+
        }

        /// One account, ready to be called.
        #[derive(Clone)]
        pub enum Connector {
            $($kind($account)),+
        }

        impl CarrierKind {
            pub const ALL: [Self; [$(stringify!($kind)),+].len()] = [$(Self::$kind),+];

            /// What is known of it before an account is opened.
            pub fn profile(self) -> &'static CarrierProfile {
                match self {
                    $(Self::$kind => <$account as Provider>::PROFILE),+
                }
            }

            /// Whether a post has what its proof needs, as far as that is seen without reading it.
            pub fn has_proof(self, post: &ProviderPost) -> bool {
                match self {
                    $(Self::$kind => <$account as Provider>::has_proof(post)),+
                }
            }

            /// Whose a post says that it is.
            pub fn claim(self, post: &ProviderPost) -> Result<AccountClaim, BadPost> {
                match self {
                    $(Self::$kind => <$account as Provider>::claim(post)),+
                }
            }

            /// A text, read again from what was kept of the post.
            pub fn read_text(self, payload: &str) -> Result<InboundMessage, UnreadableWebhook> {
                match self {
                    $(Self::$kind => <$account as Provider>::read_text(payload)),+
                }
            }

            /// The same of a receipt.
            pub fn read_receipt(self, payload: &str) -> Result<DeliveryReceipt, UnreadableWebhook> {
                match self {
                    $(Self::$kind => <$account as Provider>::read_receipt(payload)),+
                }
            }
        }

        impl Credentials {
            /// Reads and checks what a client or the store gives.
            pub fn from_json(kind: CarrierKind, json: &[u8]) -> Result<Self, BadCredentials> {
                match kind {
                    $(CarrierKind::$kind => credential::read(kind, json).map(Self::$kind)),+
                }
            }

            /// Those of an account as they were sealed, by an older build it may be.
            pub fn from_sealed(kind: CarrierKind, json: &[u8]) -> Result<Self, BadCredentials> {
                match kind {
                    $(CarrierKind::$kind => credential::reread(kind, json).map(Self::$kind)),+
                }
            }

            pub fn kind(&self) -> CarrierKind {
                match self {
                    $(Self::$kind(_) => CarrierKind::$kind),+
                }
            }

            fn inside(&self) -> &dyn AccountCredentials {
                match self {
                    $(Self::$kind(credentials) => credentials),+
                }
            }

            fn inside_mut(&mut self) -> &mut dyn AccountCredentials {
                match self {
                    $(Self::$kind(credentials) => credentials),+
                }
            }
        }

        impl Connector {
            pub fn kind(&self) -> CarrierKind {
                match self {
                    $(Self::$kind(_) => CarrierKind::$kind),+
                }
            }

            fn open(credentials: &Credentials, with: &CarrierConnectorFactory) -> Self {
                match credentials {
                    $(Credentials::$kind(own) => Self::$kind(<$account as Provider>::connect(own, with))),+
                }
            }

            /// By what its posts are believed: the token that signs them, or the secret part of their path. `None`: it
            /// posts nothing.
            pub fn proof(&self) -> Option<&Secret> {
                match self {
                    $(Self::$kind(account) => Provider::proof(account)),+
                }
            }

            /// The login that media at this URL of the provider's own need, if it is one.
            pub fn media_login(&self, url: &str) -> Option<(&str, &Secret)> {
                match self {
                    $(Self::$kind(account) => Provider::media_login(account, url)),+
                }
            }

            pub async fn send(&self, message: &OutgoingMessage) -> SendOutcome {
                let profile = self.kind().profile();
                if let Some(refused) = profile.uncarried(message.channel) {
                    return refused;
                }
                let outcome = match self {
                    $(Self::$kind(account) => Provider::send(account, message).await),+
                };
                let outcome = outcome.blaming(profile.account_codes, profile.opt_out_codes);
                // it was told where it reports to
                match self.proof().filter(|_| profile.has_secret_path) {
                    Some(path) => outcome.hiding(path),
                    None => outcome,
                }
            }

            /// Ends a call that the provider has taken; what became of it, its receipt says.
            pub async fn end_call(&self, provider_id: &str, end: CallHangupMode) -> Result<(), AskError> {
                match self {
                    $(Self::$kind(account) => Provider::end_call(account, provider_id, end).await),+
                }
            }

            /// What the provider has with the same sender, recipient and body, created since then; newest first.
            /// `since_ms` is compared with the provider's clock: allow for a difference.
            pub async fn find(&self, message: &OutgoingMessage, since_ms: Millis) -> SentMessagesResult {
                match self {
                    $(Self::$kind(account) => Provider::find(account, message, since_ms).await),+
                }
            }

            /// What the provider knows of anybody's number. Sends nothing to it.
            pub async fn lookup(&self, phone: &Phone) -> Result<NumberLookup, AskError> {
                match self {
                    $(Self::$kind(account) => Provider::lookup(account, phone).await),+
                }
            }

            /// Asks the provider which numbers the account has.
            pub async fn numbers(&self) -> Result<Vec<CarrierNumber>, AskError> {
                match self {
                    $(Self::$kind(account) => Provider::numbers(account).await),+
                }
            }

            /// Asks the provider whether the credentials are good. Sends nothing to anyone.
            pub async fn check(&self) -> Result<(), CredentialCheckError> {
                let checked = match self {
                    $(Self::$kind(account) => Provider::check(account).await),+
                };
                checked.map_err(CredentialCheckError::from)
            }

            /// Whether this account has sent a post, and what that says.
            pub fn verify(&self, post: &ProviderPost, trial: &PostVerificationContext<'_>) -> Result<VerifiedPost, BadPost> {
                match self {
                    $(Self::$kind(account) => Provider::verify(account, post, trial)),+
                }
            }

            /// The fields of a form that this account has signed, as they came.
            pub fn signed_fields(
                &self,
                post: &ProviderPost,
                trial: &PostVerificationContext<'_>,
            ) -> Result<Vec<(String, String)>, BadPost> {
                match self {
                    $(Self::$kind(account) => Provider::signed_fields(account, post, trial)),+
                }
            }
        }
    };
}

pub(super) use carriers;
