//! `GET /v2/sync/init/<uid>[/<sid>]`: the WebSocket that shows rotating codes.
//!
//! The upgrade is taken from hyper itself, with small buffers: an idle socket costs under
//! four kibibytes that way.

mod meter;
mod pulse;

use std::io::ErrorKind;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ::http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use ::http::{HeaderValue, Method, Response as HttpResponse, StatusCode};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error as WsError};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};
use warp::Filter;
use warp::Reply;
use warp::reply::Response;

use super::connection_limit::ConnectionPermit;
use super::{App, HttpRoutes, RequestContext, RequestParts, address, reply, with};
use crate::model::UserId;
use crate::service::sync::{OpenedSocket, PairingLinkBuilder, SyncCloseCode, SyncSocketAction, SyncSocketSession};

use self::meter::RateLimitedConnection;
use self::pulse::PulseTurn;
pub use self::pulse::SocketPulse;

type SyncSocket = WebSocketStream<RateLimitedConnection<TokioIo<Upgraded>>>;

/// A frame that is not taken within this time means that nobody reads.
const SEND: Duration = Duration::from_secs(10);
/// How long a client may take to answer our close.
const LINGER: Duration = Duration::from_secs(2);
/// Clients have nothing to say: more than this is not one of ours.
const MESSAGE_BYTES: usize = 4096;

pub(super) fn routes(app: &Arc<App>) -> HttpRoutes {
    let upgrade = || super::request_parts().and(warp::ext::optional::<OnUpgrade>()).and(with(app));
    let fresh = warp::path!("sync" / "init" / String).and(upgrade());
    let fresh = fresh.then(async |uid, request, upgrade, app| accept(uid, None, request, upgrade, app));
    let named = warp::path!("sync" / "init" / String / String).and(upgrade());
    let named = named.then(async |uid, sid, request, upgrade, app| accept(uid, Some(sid), request, upgrade, app));
    fresh.or(named).unify().boxed()
}

/// Checks the opening handshake (RFC 6455, section 4.2) and leaves the socket to a task of its own.
fn accept(
    uid: String,
    sid: Option<String>,
    request: RequestParts,
    upgrade: Option<OnUpgrade>,
    app: Arc<App>,
) -> Response {
    if request.method != Method::GET {
        return reply::method_not_allowed("GET");
    }
    let has = |name, token: &str| {
        request.header(name).is_some_and(|value| value.split(',').any(|one| one.trim().eq_ignore_ascii_case(token)))
    };
    let wants = has(UPGRADE, "websocket") && has(CONNECTION, "upgrade") && has(SEC_WEBSOCKET_VERSION, "13");
    let (Some(upgrade), Some(key), true) = (upgrade, request.headers.get(SEC_WEBSOCKET_KEY), wants) else {
        let mut response = reply::problem(StatusCode::UPGRADE_REQUIRED, "this path speaks WebSocket, version 13");
        response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        return response;
    };
    let Ok(user) = UserId::from_segment(&uid) else { return reply::not_found() };
    let mut response = HttpResponse::new(Vec::new());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    let view =
        SyncUrlFrameFormat { links: app.links(&request), is_plain: request.param("plain").as_deref() == Some("1") };
    let RequestContext { address, permit, .. } = request.caller;
    let tasks = app.tasks.clone();
    tasks.spawn(serve(upgrade, app, user, sid, view, address, permit));
    response.into_response()
}

/// The rotation frame.
#[derive(Serialize)]
struct SyncUrlFrameOut<'a> {
    qr_url: &'a str,
    mobile_url: &'a str,
}

/// How a socket writes its rotation frames.
struct SyncUrlFrameFormat {
    links: PairingLinkBuilder,
    /// `?plain=1`: the bare QR URL, for pipes.
    is_plain: bool,
}

impl SyncUrlFrameFormat {
    fn frame(&self, user: &UserId, sid: crate::crypto::SyncSessionId) -> Message {
        let link = self.links.session(user, sid);
        let text = if self.is_plain {
            link.qr_url
        } else {
            serde_json::to_string(&SyncUrlFrameOut { qr_url: &link.qr_url, mobile_url: &link.mobile_url })
                .unwrap_or_default()
        };
        Message::text(text)
    }
}

#[expect(clippy::manual_async_fn, reason = "an `async fn` keeps room for its arguments twice in every idle socket")]
fn serve(
    upgrade: OnUpgrade,
    app: Arc<App>,
    user: UserId,
    sid: Option<String>,
    view: SyncUrlFrameFormat,
    address: IpAddr,
    permit: Arc<ConnectionPermit>,
) -> impl Future<Output = ()> + Send {
    async move {
        let Ok(upgraded) = upgrade.await else { return };
        let config = WebSocketConfig::default()
            .read_buffer_size(256)
            .write_buffer_size(0)
            .max_write_buffer_size(16 * 1024)
            .max_message_size(Some(MESSAGE_BYTES))
            .max_frame_size(Some(MESSAGE_BYTES));
        let metered = RateLimitedConnection::new(TokioIo::new(upgraded));
        let mut socket = WebSocketStream::from_raw_socket(metered, Role::Server, Some(config)).await;
        // boxed: what opening needs must not stay part of every idle socket
        let opened = Box::pin(app.sockets.open(&user, sid.as_deref(), address::group(address))).await;
        drop((user, sid));
        let close = match opened {
            OpenedSocket::Unknown => Some(close_of(SyncCloseCode::UnknownSession)),
            OpenedSocket::TooMany => Some(close_of(SyncCloseCode::TooMany)),
            OpenedSocket::Acknowledged => match Box::pin(send(&mut socket, Message::text(ACK))).await {
                Ok(()) => Some(close_of(SyncCloseCode::Done)),
                Err(cut) => cut,
            },
            OpenedSocket::Showing(mut session, first) => match Box::pin(act(&mut socket, &session, &view, first)).await
            {
                Ok(()) => talk(&mut socket, &mut session, &view, &app).await,
                Err(cut) => cut,
            },
        };
        // the socket held its connection's permit until here
        drop(permit);
        Box::pin(say_goodbye(socket, close)).await;
    }
}

const PAUSE: &str = "201- pause";
const ACK: &str = "200- ack";

/// How a socket ends: with a close frame, or without one where nobody would read it.
type SocketEnding = Option<(CloseCode, &'static str)>;

fn close_of(close: SyncCloseCode) -> (CloseCode, &'static str) {
    let reason = match close {
        SyncCloseCode::Done => "",
        SyncCloseCode::GoingAway => "the server is restarting",
        SyncCloseCode::UnknownSession => "unknown or expired session",
        SyncCloseCode::Revoked => "a device of this user was revoked",
        SyncCloseCode::TooMany => "too many sockets",
        SyncCloseCode::Misbehaved => "too many bytes",
    };
    (CloseCode::from(close.code()), reason)
}

/// Shows codes until the session ends or the client goes.
async fn talk(
    socket: &mut SyncSocket,
    session: &mut SyncSocketSession,
    view: &SyncUrlFrameFormat,
    app: &App,
) -> SocketEnding {
    let mut life = app.pulse.join();
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return Some(close_of(SyncCloseCode::GoingAway)),
            actions = session.next() => {
                for action in actions {
                    // boxed: what sending needs must not stay part of every idle socket either
                    if let Err(ending) = Box::pin(act(socket, session, view, action)).await {
                        return ending;
                    }
                }
            }
            () = life.turn() => match life.look(Instant::now()) {
                PulseTurn::Pass => {}
                PulseTurn::Dead => return None,
                PulseTurn::Ping => {
                    if let Err(ending) = Box::pin(send(socket, Message::Ping(Bytes::new()))).await {
                        return ending;
                    }
                }
            },
            message = socket.next() => {
                life.heard();
                if let Some(ending) = heard(message) {
                    return ending;
                }
            }
        }
    }
}

/// What a client says matters only where it ends the socket. Pings are answered by the library.
fn heard(message: Option<Result<Message, WsError>>) -> Option<SocketEnding> {
    match message {
        Some(Ok(Message::Text(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => None,
        Some(Ok(Message::Binary(_))) => Some(Some((CloseCode::Unsupported, "text only"))),
        Some(Err(WsError::Capacity(CapacityError::MessageTooLong { .. }))) => Some(Some((CloseCode::Size, "too long"))),
        Some(Err(WsError::Io(error))) if error.kind() == ErrorKind::QuotaExceeded => {
            Some(Some(close_of(SyncCloseCode::Misbehaved)))
        }
        Some(Err(WsError::Protocol(_) | WsError::Utf8(_))) => Some(Some((CloseCode::Protocol, "not WebSocket"))),
        Some(Ok(Message::Close(_)) | Err(_)) | None => Some(None),
    }
}

async fn act(
    socket: &mut SyncSocket,
    session: &SyncSocketSession,
    view: &SyncUrlFrameFormat,
    action: SyncSocketAction,
) -> Result<(), SocketEnding> {
    let message = match action {
        SyncSocketAction::Show(sid) => view.frame(session.user(), sid),
        SyncSocketAction::Pause => Message::text(PAUSE),
        SyncSocketAction::Acknowledge => Message::text(ACK),
        SyncSocketAction::Close(close) => return Err(Some(close_of(close))),
    };
    send(socket, message).await
}

async fn send(socket: &mut SyncSocket, message: Message) -> Result<(), SocketEnding> {
    timeout(SEND, socket.send(message)).await.ok().and_then(Result::ok).ok_or(None)
}

/// Sends a close frame and waits a moment for the client's, so that ours is not lost in a reset.
/// Where the client closed first, its answer goes out.
async fn say_goodbye(mut socket: SyncSocket, ending: SocketEnding) {
    let farewell = async {
        if let Some((code, reason)) = ending
            && socket.close(Some(CloseFrame { code, reason: reason.into() })).await.is_err()
        {
            return;
        }
        // reading on is what sends the library's own answer to a client's close
        while let Some(Ok(_)) = socket.next().await {}
        if ending.is_some_and(|(code, _)| code == CloseCode::Policy) {
            socket.get_mut().throw_away().await;
        }
    };
    let _ = timeout(LINGER, farewell).await;
}
