//! The signalling WebSocket of one client, non-blocking: opening, sending and receiving protobuf messages. Handles framing and
//! the addresses of the two join paths. `client` interprets the messages.

use crate::participant::wire::{JoinRequest, Request, Response, WrappedJoinRequest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use flate2::{Compression, write::GzEncoder};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use prost::Message as _;
use std::io::{ErrorKind, Write};
use std::net::ToSocketAddrs;
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::client::ClientHandshake;
use tungstenite::handshake::{HandshakeError, MidHandshake};
use tungstenite::{Error, Message, WebSocket};

/// The version sent to the server. Any text except 0.15.1 works.
const CLIENT_VERSION: &str = "2.23.0";

enum State {
    Opening(MidHandshake<ClientHandshake<TcpStream>>),
    Open(WebSocket<TcpStream>),
    Closed,
}

/// A WebSocket to the server.
pub struct Link {
    state: State,
}

impl Link {
    /// Connects to `url` (ws://host:port/path?query) and sends the upgrade request.
    pub fn open(registry: &Registry, token: Token, url: &str) -> Result<Link, String> {
        let request = url.into_client_request().map_err(|e| e.to_string())?;
        let authority = request.uri().authority().map(|a| a.as_str().to_owned()).unwrap_or_default();
        let address =
            authority.to_socket_addrs().map_err(|e| format!("{authority}: {e}"))?.next().ok_or("no address")?;
        let stream = std::net::TcpStream::connect(address).map_err(|e| format!("{address}: {e}"))?;
        stream.set_nodelay(true).and_then(|()| stream.set_nonblocking(true)).map_err(|e| e.to_string())?;
        let mut stream = TcpStream::from_std(stream);
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE).map_err(|e| e.to_string())?;
        let handshake = ClientHandshake::start(stream, request, None).map_err(|e| e.to_string())?;
        let mut link = Link { state: State::Opening(handshake) };
        link.advance()?;
        Ok(link)
    }

    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Continues the upgrade and flushes waiting data. Call it when the socket is ready.
    pub fn advance(&mut self) -> Result<(), String> {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Opening(handshake) => match handshake.handshake() {
                Ok((socket, _)) => self.state = State::Open(socket),
                Err(HandshakeError::Interrupted(rest)) => self.state = State::Opening(rest),
                Err(HandshakeError::Failure(error)) => return Err(refusal(error)),
            },
            State::Open(mut socket) => {
                let flushed = socket.flush();
                self.state = State::Open(socket);
                settled(flushed)?;
            }
            State::Closed => {}
        }
        Ok(())
    }

    /// Sends one request. If the socket is full, the request is kept and sent later.
    pub fn send(&mut self, request: Request) -> Result<(), String> {
        match &mut self.state {
            State::Open(socket) => settled(socket.send(Message::Binary(request.encode_to_vec().into()))),
            _ => Err("signalling is not open".into()),
        }
    }

    /// Returns the next response that has arrived, if any.
    pub fn receive(&mut self) -> Result<Option<Response>, String> {
        let State::Open(socket) = &mut self.state else { return Ok(None) };
        loop {
            match socket.read() {
                Ok(Message::Binary(bytes)) => return Response::decode(bytes).map(Some).map_err(|e| e.to_string()),
                Ok(Message::Close(frame)) => {
                    let why = frame.map(|one| format!(": {} {}", one.code, one.reason)).unwrap_or_default();
                    return Err(format!("server closed the socket{why}"));
                }
                Ok(_) => {}
                Err(Error::Io(e)) if e.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(e) => return Err(e.to_string()),
            }
        }
    }

    /// Starts the closing handshake and closes the socket.
    pub fn close(&mut self, registry: &Registry) {
        if let State::Open(socket) = &mut self.state {
            let _ = socket.close(None);
            let _ = socket.flush();
            let _ = registry.deregister(socket.get_mut());
        }
        self.state = State::Closed;
    }
}

/// Returns the address of the single-connection join path, which carries the whole join request.
pub fn single_url(server: &str, token: &str, join: &JoinRequest) -> String {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&join.encode_to_vec()).expect("a vector takes all bytes");
    let join_request = gzip.finish().expect("a vector takes all bytes");
    let wrapped = WrappedJoinRequest { compression: 1, join_request };
    let text = URL_SAFE.encode(wrapped.encode_to_vec()).replace('=', "%3D");
    format!("{server}/rtc/v1?access_token={token}&join_request={text}")
}

/// Returns the address of the two-connection join path.
pub fn dual_url(server: &str, token: &str) -> String {
    format!("{server}/rtc?access_token={token}&auto_subscribe=1&sdk=js&version={CLIENT_VERSION}&protocol=17")
}

pub fn client_version() -> String {
    CLIENT_VERSION.into()
}

fn settled(result: Result<(), Error>) -> Result<(), String> {
    match result {
        Err(Error::Io(e)) if e.kind() == ErrorKind::WouldBlock => Ok(()),
        other => other.map_err(|e| e.to_string()),
    }
}

fn refusal(error: Error) -> String {
    match error {
        Error::Http(response) => {
            let body = response.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
            format!("refused: {} {body}", response.status())
        }
        other => other.to_string(),
    }
}
