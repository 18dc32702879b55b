//! Asks the range service of the configuration for passwords that are known from breaches.

use std::sync::Arc;
use std::time::Duration;

use auth::Breaches;
use outbound::{EgressClient, EgressRequest};

/// Whoever sets a password waits no longer for it.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What asks at `address`, to which five digits are added: `https://api.pwnedpasswords.com/range/`.
pub(crate) fn at(egress: EgressClient, address: &str) -> Breaches {
    let address: Arc<str> = address.into();
    Breaches::new(move |told| {
        let (egress, address) = (egress.clone(), address.clone());
        Box::pin(async move {
            // Padding keeps the length of the answer from telling which range it was.
            let request = EgressRequest::get(&format!("{address}{told}")).header("add-padding", "true");
            let answer = tokio::time::timeout(TIMEOUT, egress.send(request)).await;
            let answer = answer.map_err(|_| format!("no answer within {} s", TIMEOUT.as_secs()))?;
            let answer = answer.map_err(|error| error.to_string())?;
            if answer.status != 200 {
                return Err(format!("it answered {}", answer.status));
            }
            String::from_utf8(answer.body).map_err(|_| "its answer is not text".to_owned())
        })
    })
}

#[cfg(test)]
mod tests {
    use domain::{Password, Timestamp};
    use outbound::EgressSettings;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// A double of the service, on loopback: it answers one request for the range of "password".
    #[tokio::test]
    async fn the_range_is_asked_by_five_digits_and_with_padding() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/range/", listener.local_addr().unwrap());
        let double = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut request, mut piece) = (String::new(), [0; 1024]);
            while !request.ends_with("\r\n\r\n") {
                let length = stream.read(&mut piece).await.unwrap();
                request.push_str(std::str::from_utf8(&piece[..length]).unwrap());
            }
            let body = "1E4C9B93F3F0682250B6CF8331B7EE68FD8:9\r\n";
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all((head + body).as_bytes()).await.unwrap();
            request
        });
        let egress = EgressClient::new(&EgressSettings {
            allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
            plain_http_hosts: vec!["127.0.0.1".to_owned()],
            ..EgressSettings::default()
        });
        let breaches = at(egress.unwrap(), &address);
        let now = Timestamp(1_800_000_000_000_000);
        assert!(breaches.know(&Password::parse("password").unwrap(), now).await);
        let request = double.await.unwrap().to_ascii_lowercase();
        assert!(request.starts_with("get /range/5baa6 http/1.1\r\n"), "{request}");
        assert!(request.contains("add-padding: true\r\n") && !request.contains("1e4c9"), "{request}");
        // The double has gone: whoever sets another password is not kept out.
        assert!(!breaches.know(&Password::parse("another").unwrap(), now).await);
    }
}
