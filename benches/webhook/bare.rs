//! A minimal webhook of the same crates: it reads the body, finds the uid, which kube-apiserver requires in the
//! response, and allows everything.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::ContentType;
use actix_web::{App, HttpResponse, HttpServer, web};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// The flag that makes this benchmark run the minimal server.
pub const FLAG: &str = "--bare-peer";
/// The text before the uid; kube-apiserver writes the uid of the request first.
const BEFORE_UID: &[u8] = br#""uid":""#;

pub fn serve(listen: &str, certs: &str) {
    let server = HttpServer::new(|| App::new().route("/validate", web::post().to(allow)))
        .keep_alive(Duration::from_secs(120))
        .listen_rustls_0_23(std::net::TcpListener::bind(listen).unwrap(), config(Path::new(certs)))
        .unwrap();
    actix_web::rt::System::new().block_on(server.run()).unwrap();
}

async fn allow(body: web::Bytes) -> HttpResponse {
    let Some(place) = body.windows(BEFORE_UID.len()).position(|bytes| bytes == BEFORE_UID) else {
        return HttpResponse::BadRequest().finish();
    };
    let uid = body[place + BEFORE_UID.len()..].split(|byte| *byte == b'"').next().unwrap_or_default();
    HttpResponse::Ok().content_type(ContentType::json()).body(format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{{"uid":"{}","allowed":true}}}}"#,
        String::from_utf8_lossy(uid)
    ))
}

/// The same TLS configuration as the webhook.
fn config(certs: &Path) -> ServerConfig {
    let chain = CertificateDer::pem_file_iter(certs.join("tls.crt")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(certs.join("tls.key")).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_protocol_versions(&[&TLS13, &TLS12]).unwrap().with_no_client_auth();
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}
