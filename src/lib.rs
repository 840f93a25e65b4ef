//! Switchboard: one self-hosted server for everything a team does with SMS.
//!
//! This is the architecture document: the map, the words, how data flows, what always holds, and what to do to
//! change something. Files are named from the root of the repository, or from `src/` where they begin with a layer.
//!
//! # The map
//!
//! Layers outside, purposes inside: the folder says what code may touch, the file says which promise it keeps.
//! `test/layers.rs` holds the imports against this table; inside `service` and `store` the purposes name each other one
//! way: `test/circles.rs` finds no circle among them.
//!
//! | folder | what it is | may import |
//! |---|---|---|
//! | [`model`] | the words: ids, phones, money, spans, secrets; values that are valid because they exist; no I/O | nothing of ours |
//! | [`crypto`] | RSA, sealing at rest, password and phone hashes, signatures; no I/O | model |
//! | [`store`] | facts persist: one module per table group, above `engine`, which knows none of them | model, crypto |
//! | [`signal`] | nodes tell each other: Redis or memory | model, crypto |
//! | [`provider`] | the outside we call: carriers, and our customers' webhooks | model, crypto |
//! | [`service`] | what the product promises | model, crypto, store, provider, signal |
//! | [`http`] | clients speak: a file or folder per resource, `compat/` for the doors of older systems | model, crypto, service |
//! | [`worker`] | time speaks: queued jobs, run by one loop, and small loops, in one table | model, crypto, service |
//! | [`config`] | one tree of settings; the commented default is compiled in | settings of each layer |
//! | [`gateway`] | the composition root: builds each service from what it needs, in the order in which they need each other | all |
//! | [`cli`] | one file per command | all |
//!
//! Inside `service`, what accepts messages ([`service::message`]) and what sends them ([`service::dispatch`]) do
//! not name each other: they meet in [`store::outbox`]. What takes webhooks in and what handles them
//! ([`service::inbound`]) meet in jobs. Tests (`test/`) drive the built binary through its doors, on SQLite and on
//! MariaDB.
//!
//! # The words
//!
//! One word per idea, the same in table, file, type, URL and log; `test/names.rs` holds that no type name is
//! defined for two ideas.
//!
//! | word | meaning |
//! |---|---|
//! | user, device | a person in the backend user database; a phone paired with them, which holds a shared key |
//! | sync session | one attempt to pair: rotates its URL, then pauses, then is acknowledged |
//! | provider, account | a kind of carrier connection, one row of the table in `src/provider.rs`; one set of credentials at one |
//! | number, pool | a phone number we can send from; a named set of numbers |
//! | reserved, exclusive | a number that is never chosen, only named; a pool whose numbers are each in one open session at most |
//! | number proxy | the older system of two people and one number, and our door for its programs; its pool is each client's own |
//! | import | numbers that are taken in together: written in slices, there from its last commit on; a pool or a session of an older system, taken over with its id |
//! | session, participant | a conversation in which nobody learns a number; somebody in it, and the number by which they know the others |
//! | pair | a person and a number, in one open session at most |
//! | interaction | something that was said in a session to one of its people, and what came of it |
//! | hook | a client's server that is asked what becomes of a text, or of a call; a text that it is asked about is an asked text, and waits |
//! | stranger | who texts or calls a number of a pool and is in no session there |
//! | door | the paths of one system, older ones in `http/compat/`: the relay's, Twilio's, the number proxy's, the masked one, that of one-time codes |
//! | client, key | a customer of the API with a balance; its credential |
//! | operator | who runs the server: client 1, which pays nothing and has no keys; nor does a client pay that the server has made by itself |
//! | consumer | for whom a request is made: the operator, a client by its token, or by one of its keys |
//! | route, rate | destination pattern to account, by priority; destination prefix to price |
//! | ledger | append-only movements of a client's money |
//! | order | what a caller wants sent, before it is checked |
//! | message, call | one text or WhatsApp message, in or out; a phone call and nothing else |
//! | attempt, receipt | one request to a provider for a message (of a phone to pair: a `PairingAttempt`); what the provider later says of it |
//! | lane | the messages of one (from, to), in order |
//! | lease, owner | the right of one process to work on a row for a while; that process |
//! | verification, code | one attempt to prove that somebody holds a phone; the digits that go out, and are to come back |
//! | try, send | a code that came back; one text or call that told it: Twilio's attempt |
//! | template | how codes are told, in one language; those of one name are one text in several |
//! | guard, level, decision | what looks for codes that nobody types in; how many of them there are in a country, a prefix, from an address; what it made of one send |
//! | limit, bucket | how often something may be done; so often within so long, of each value that a client's own limit is named with |
//! | opt-out | a person who wants nothing from a number, by channel |
//! | event, endpoint, delivery | something that happened; where a client hears of it; one event on its way to one endpoint |
//! | job | work that time will do: send, receive, ask, notify, publish, remove |
//! | publication, platform, sink | a text of a paired phone, decrypted; the kind of service that it is meant for; where it is posted for that |
//! | request | an HTTP request: handlers under `/v1` take a `resource::ResourceRequest`, other doors its `RequestParts` |
//!
//! # Four flows
//!
//! **Out.** A door makes one order and gives it to `Relay` (`src/service/relay.rs`: allowed by the key, routed,
//! priced), or, for our own answers to keywords, straight to `Messages` (`src/service/message.rs`). The
//! limits of messages are in one file, `src/service/message/limit.rs`, and hold whatever the door: `Relay` asks it for
//! what can be seen before a route is chosen, `Messages` for what depends on the account. Our own answers are
//! settings, measured when the server starts. `src/store/outbox/intake.rs` then writes, in one commit shared with
//! whoever else is waiting: the charge, the message, its position in its lane, its events, its audit entry, its
//! idempotency record. Only then is the caller answered. A lane that was free is born leased: `Dispatch`
//! ([`service::dispatch`]) sends its head at once, under a permit taken before the commit. It marks the message as
//! being sent, calls the provider, judges the answer, and writes the outcome with its attempt, its events and,
//! where the message has finally failed, its refund.
//!
//! A text that tells a code holds none: its body has `••••` in the code's place, and says whose it is
//! (`SecretReference`). [`service::vault`] opens the code right before the call, while its verification is pending;
//! otherwise the text does not leave. What is sent at once by the commit that has made its code is handed that in memory.
//! Such texts go before all others at a rate, at an account, and in memory.
//!
//! **In.** `src/http/webhook.rs` hands a post to the [`WebhookInbox`](service::inbound::WebhookInbox)
//! (`src/service/inbound/proof.rs`). Its carrier's provider proves it to be an account's own and reads it, in one call
//! (`verify`; Telnyx: `src/provider/telnyx/proof.rs` and `webhook.rs`); what was read is kept for its job, and read
//! from the stored body again only by a node that did not take it in (`src/service/inbound/read.rs`). It is stored with
//! its raw body as a row that is its own job, and only then answered 200.
//! [`InboundHandlers`](service::inbound::InboundHandlers) take jobs in batches: receipts
//! (`src/service/inbound/receipt.rs`) fold into their messages, texts (`text.rs` beside it) are keywords, publications
//! of paired phones, said in a session and passed on to all others there (`masked.rs`), or messages of their own. They
//! write facts and further jobs, and never call the network, so that running one again does no harm: a text, its copies
//! and the end of its job commit together (`src/store/inbound/handled.rs`), and where a client's server is to be asked
//! what becomes of it, the job that asks (`src/service/session/asked.rs`) does too. While many posts wait to be stored,
//! passing on gives way to them (`src/service/inbound/load.rs`).
//! A call is answered at once (`src/service/session/call.rs`): what it comes to is written and charged in one commit
//! under the carrier's name for it, and what the carrier is told is made of that.
//!
//! **Status.** A receipt is checked, stored, de-duplicated, and folded into the state of its message, which only
//! moves forward. The change writes the events that tell of it; [`service::event`] posts them to endpoints and
//! callbacks, signed, from `sb_delivery`, until each is taken or given up.
//!
//! **Codes.** Doors give `Verifications` (`src/service/verification.rs`) an order. Where one is pending for the same
//! client, service and number, its code goes out again; else a new one is made (`create.rs` in the folder of that
//! name). Then it is asked whether it may (`send.rs`): the countries that are allowed (`src/service/permission.rs`),
//! the limits (`limit.rs`), and the guard ([`service::guard`]), which is told of what others refuse too. What does not
//! go out gives back what it took of its limits. Its text is made (`template.rs`), routed and priced as any other, and
//! `src/store/verification/intake.rs` writes, in one commit shared with whoever else asks: the verification with its
//! code, sealed, the name under which it is pending, the message with its charge, and what is told. A code that comes
//! back is looked at in a batch too (`src/store/verification/check.rs`): its try is taken, and where it is the right
//! one the code is erased, its sends marked and the fact written that the guard reckons with, before anybody is
//! answered.
//!
//! Pairing stands beside them, with a contract that phones in the field speak: [`service::sync`].
//!
//! # What always holds
//!
//! - **A fact and its job commit together**, and the audit entry of an administrator's change with the change. What
//!   is told, queued or written down is in the same [`Change`](store::Change) as what it is about.
//! - **The network is never called inside a transaction.** Jobs are leased and repeatable: a delivery happens at
//!   least once.
//! - **"Sent, but no answer came" is an outcome of its own**, uncertain: the provider is asked what became of it before
//!   it is sent again (`src/service/dispatch/reconcile.rs`), since a blind retry texts people twice. (Where a carrier
//!   cannot be asked, it is sent again, unless its account says `fail`; through one that is only described it fails,
//!   unless its account says `resend`.) A message is marked as being sent before its provider is called, so after a
//!   crash only marked ones are uncertain (`store/outbox/mark.rs`); once the dead process's lease is over, another
//!   claims the lane (`store/outbox/claim.rs`) and finds it marked.
//! - **Messages of one lane leave in the order in which they were accepted**, on any number of nodes. The lane's
//!   row, taken by compare-and-set, is the only lock. A head that retries holds its lane for at most
//!   `outbox.hold_for`.
//! - **A claim is a compare-and-set** ([`store::lease`]): no `FOR UPDATE`, no `SKIP LOCKED`. Another process's
//!   lease counts longer by how far clocks may differ; a lease is checked by the monotonic clock right before each
//!   call.
//! - **One SQL text, two engines**: no upserts, no auto-increment, no engine's own functions; each statement is
//!   tested on both. Hot writes are batches (`src/store/engine/batch.rs`): many callers, one commit, each answered
//!   only after it.
//! - **Money moves by entries alone**, below.
//! - **Nothing secret is written in clear**: sealed under the master key, bound to its table, row and column
//!   (`src/crypto/seal.rs`), or kept as a keyed hash. Logs mask numbers and hold no bodies.
//! - **Errors are data**: [`service::Error`] has a closed kind, and `src/http/reply.rs` maps each kind to a status;
//!   a new kind does not compile until it has one.
//!
//! # Who writes money, and why never twice
//!
//! All SQL that moves money is in `src/store/ledger/` and `src/store/ledger.rs`: a balance and the entry that explains
//! it change in one commit, and the sum of a client's entries is its balance (`switchboard ledger verify` reads all of
//! it and says where that fails). There are four writers:
//!
//! | who | where | why once |
//! |---|---|---|
//! | accepting a message | `store/outbox/intake.rs`, for the texts of a new session within `store/session/intake.rs`, for what a client says in one, and for calls there, within `store/session/speech.rs`, for codes within `store/verification/intake.rs`, for what its people say within `store/inbound/handled.rs` | the debit is in the commit that writes the message, and its id is the message's own: the primary key refuses a second; a repeat under its idempotency key finds the first |
//! | its failure | `store/outbox/outcome.rs`, `store/outbox/cancel.rs`, `store/inbound/finish.rs`, `store/session/call.rs` | the refund is in the commit that ends the message, and is made of it only while it has failed and `refunded_ms` is empty, which the same commit fills |
//! | an administrator | `service/ledger.rs` | under the request's idempotency key, and only so: without one, asked twice is done twice; a balance is set only where it still is what was read |
//! | a client's first balance | `store/client.rs` | in the commit that makes the client |
//!
//! # How to change things
//!
//! **A limit on texts.** `src/service/message/limit.rs` holds every limit of messages and calls; where it is a setting,
//! its field is in `src/service/outbox.rs`, its line in `src/config/default.toml`, its bounds in `src/config.rs`. A
//! carrier's own limits are in its `profile.rs`. Doors have no limits of their own; they may have words
//! (`BrokenMessageLimit`, `src/http/compat/twilio/refusal.rs`). Our own answers to keywords are measured in
//! `src/config.rs`.
//!
//! **A setting.** The line with its comment in `src/config/default.toml`, the field in the type that
//! `Config` in `src/config.rs` has for its section, and in that file what no single value shows (`check`).
//! A service that has settings of its own gets them in `src/gateway/`. A bad value goes
//! into the table of `test/operations/configuration.rs`. Renaming one: a row in `src/config/replaced.rs`.
//!
//! **A carrier.** Copy Telnyx: `src/provider/telnyx.rs` and the folder of that name, and its row (with the `mod` line)
//! in `src/provider.rs`. The account implements [`Provider`](provider::Provider), of which only what the carrier can do
//! needs saying; in its folder `profile.rs` says what it is (credentials, paths of its posts, codes), `credentials.rs`
//! reads them, `proof.rs` and `webhook.rs` prove and read its posts. API, command line, description and webhooks follow
//! from these. The stand-in that its tests send to goes into `test/harness/`, its tests into `test/inbound/`, both with
//! their `mod` lines, built from the carrier's public description alone. Its name goes into the README's table, the
//! guide (`src/http/openapi/guide.md`), `src/config/README.md` (what a change of its token means),
//! `.github/SECURITY.md` and the changelog.
//!
//! **A door for an older system.** Copy the number proxy's: `src/http/compat/number_proxy.rs` with the folder of that
//! name reads what its programs post, calls the services and answers in their words; its routes are named in
//! `src/http/compat.rs`. It has no rules and no SQL of its own: what is missing in a service is added there, in a form
//! that other doors could use. How its programs say who they are is in `src/http/compat/key.rs`, its settings are a
//! section of `[compat]` (`CompatSettings` in `src/config.rs`), the environment names that its users have are in
//! `src/config/legacy.rs`, and what must be there for it (a client, a pool, an account) is made at the start in
//! `src/gateway/` (`doors.rs`, `number_proxy.rs`). Sessions know their door (`SessionDoor`). Its tests are in
//! `test/session/`, what it takes over is imported by `src/cli/import/`, and it stands in the README, the guide,
//! `src/config/README.md` and the changelog.
//!
//! **A periodic job.** A row of the table in `src/worker/periodic.rs`: what it does, how often, and the service's
//! function; a service that the workers do not know yet goes into `WorkerServices` (`src/worker.rs`),
//! filled in `src/gateway/services.rs`. Removing old rows is a row of `SERVED` in `src/worker/periodic.rs`.
//!
//! **A queued job.** Copy publications: a table whose rows are their own jobs (`ready_ms`, `owner`, `set_ms`), claimed,
//! finished and given back through [`store::lease`] (`src/store/publication.rs`); the work and its retry ladder
//! (`src/service/publish/deliver.rs`); and `src/worker/publish.rs`: a `JobSource`, a `JobHandler` and their
//! `RunnerLimits` (`src/worker/job.rs`), which `src/worker/runner.rs` runs and a commit wakes, so that it need not
//! poll. The row is written in the change that writes the fact. The table, its id and its modules are made as a
//! resource's are (below), the service is built in `src/gateway/publish.rs`, and what has served is removed as above.
//! Three more places must know the table, and no compiler asks for them: `src/worker.rs` (its runner),
//! `src/store/wait.rs` (what a clock that has gone back would strand), and `test/harness/forgotten.rs` (what must never
//! be left undone). Test what a crash leaves: `test/publish/loss.rs`.
//!
//! **A resource**, with pages, audit, description and command. Copy pools, file by file: seven new ones, and a line or
//! two in seven that are there:
//!
//! | file | what |
//! |---|---|
//! | `src/store/migrations/V60__pool.sql`, `V61__pool_client.sql` | the table, and each index in a file of its own, numbered on without gaps; from 0.1.0 on a published migration is never edited. On SQLite the runner (`store/engine/migrate.rs`) adds `WITHOUT ROWID` where the text has the ending of a table (`TABLE_ENDS`, to the letter); a test holds every table to it |
//! | a line in `src/model/id.rs` | its id, with its prefix |
//! | `src/store/pool.rs`, a line in `src/store.rs` | the SQL; whatever touches a client's data takes the client first |
//! | `src/service/number/pool.rs`, lines in `number.rs` (of a new folder: in `src/service.rs`) | the rules; each change takes an [`AuditContext`](service::audit::AuditContext) and commits its entry |
//! | `src/http/pool.rs`, lines in `src/http.rs` | its paths, `…In` and `…Out`, and handlers, named for the service call they make; a row brings its routes, its description and its words in the log |
//! | a row in `src/http/openapi/guide.md` | what it is for |
//! | `src/cli/pool.rs`, lines in `src/cli.rs` | the command, on the API |
//! | `test/relay/pool.rs`, lines in `test/relay.rs` | its test, with its JSON (`hold_inline`) and what is done to it (`acts`): by these the audit log, the description and who may ask are tested for it too |
//!
//! Tests say what else is needed, and where: a resource that shows a secret, that only the server writes, or that a
//! client may read though it changes nothing (the lists at the head of `test/relay/acts.rs` and
//! `test/operations/openapi.rs`). A new service is built in `src/gateway/` and stands in `src/http/app.rs`.

pub mod cli;
pub mod config;
pub mod crypto;
pub mod gateway;
pub mod http;
pub mod model;
pub mod provider;
pub mod service;
pub mod signal;
pub mod store;
pub mod worker;
