//! Access tokens (JWT, HS256) made here, so that the generator needs only the key and its secret. Tokens are not verified here.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds. Chosen. A token must live longer than any run. Shorter: clients that join late in a run are refused.
const LIFE_S: u64 = 3600;

/// Key and secret of the server under test.
#[derive(Clone)]
pub struct ApiKey {
    pub key: String,
    pub secret: String,
}

/// A token which lets `identity` join `conference`, publish and subscribe.
pub fn join_token(api: &ApiKey, conference: &str, identity: &str) -> String {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let claims = json!({
        "iss": api.key,
        "sub": identity,
        "name": identity,
        "nbf": now_s.saturating_sub(10),
        "exp": now_s + LIFE_S,
        "roomConfig": {"maxParticipants": 5000},
        "video": {"room": conference, "roomJoin": true, "canPublish": true, "canSubscribe": true},
    });
    let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, api.secret.as_bytes());
    let mac = hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.as_ref()))
}
