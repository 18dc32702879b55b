//! Class 18 of the security plan: no address leads back into the house.

use outbound::{
    EgressClient, EgressError, EgressRequest, EgressSettings,
    egress::{AddressClass, Network, classify},
};

#[test]
fn class_18_every_address_has_its_class() {
    let table = [
        (AddressClass::Unspecified, "0.0.0.0 0.0.0.1 0.255.255.255 ::"),
        (AddressClass::Loopback, "127.0.0.0 127.0.0.1 127.1.2.3 127.255.255.255 ::1"),
        (
            AddressClass::Private,
            "10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255 fc00:: \
             fd00::1 fd12:3456:789a::1 fdff:ffff:: fec0::1 feff::1",
        ),
        (AddressClass::LinkLocal, "169.254.0.0 169.254.169.254 169.254.255.255 fe80:: fe80::1 febf:ffff::1"),
        (AddressClass::CarrierGrade, "100.64.0.0 100.100.100.200 100.127.255.255"),
        (AddressClass::Multicast, "224.0.0.0 224.0.0.251 239.255.255.255 ff00:: ff02::1 ffff::1"),
        (
            AddressClass::Reserved,
            "192.0.0.0 192.0.0.192 192.0.2.1 192.88.99.1 198.18.0.0 198.19.255.255 198.51.100.1 \
             203.0.113.1 240.0.0.0 255.255.255.255 100::1 2001:db8::1 2001:10::1 2001:20::1 \
             2001:2::1 3fff::1 5f00::1 1234::1 4000::1 8000::1 fe00::1",
        ),
        (
            AddressClass::Embedded,
            "::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:93.184.216.34 \
             ::127.0.0.1 ::ffff:0:127.0.0.1 ::2 64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 \
             64:ff9b:1::10.0.0.1 2002:7f00:1:: 2002:a00:1::1 2002:a9fe:a9fe:: \
             2001:0:4136:e378:8000:63bf:3fff:fdd2 2a00::5efe:10.0.0.1 2a00::200:5efe:10.0.0.1",
        ),
        (
            AddressClass::Public,
            "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 93.184.216.34 100.63.255.255 100.128.0.0 \
             126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 \
             192.0.1.0 192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 \
             223.255.255.255 2001:4860:4860::8888 2606:4700:4700::1111 2a00:1450:4001::1 2003::1",
        ),
    ];
    for (class, addresses) in table {
        for address in addresses.split(' ') {
            assert_eq!(classify(address.parse().unwrap()), class, "{address}");
        }
    }
}

/// Each spelling reaches an address that is refused, or is refused as a URL; none makes a connection.
#[tokio::test]
async fn class_18_no_spelling_of_an_address_passes() {
    let client = EgressClient::new(&EgressSettings::default()).unwrap();
    let hosts = [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "\u{ff11}27.0.0.1",
        "127\u{3002}0\u{3002}0\u{3002}1",
        "0",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[ff02::1]",
    ];
    for host in hosts {
        let refused = client.send(EgressRequest::get(&format!("https://{host}:1/"))).await.unwrap_err();
        assert!(matches!(refused, EgressError::RefusedAddress { .. }), "{host}: {refused}");
    }
    let not_urls =
        ["[fe80::1%25eth0]", "user@127.0.0.1", "user:word@8.8.8.8", "[::1", "256.0.0.1", "", "127.0.0.1:x"];
    for host in not_urls {
        let refused = client.send(EgressRequest::get(&format!("https://{host}/"))).await.unwrap_err();
        assert!(matches!(refused, EgressError::Url { .. }), "{host}: {refused}");
    }
}

#[tokio::test]
async fn class_18_a_name_that_resolves_into_the_house_is_refused() {
    let client = EgressClient::new(&EgressSettings::default()).unwrap();
    for host in ["localhost", "LOCALHOST"] {
        let refused = client.send(EgressRequest::get(&format!("https://{host}:1/"))).await.unwrap_err();
        let EgressError::RefusedAddress { host, class, .. } = &refused else { panic!("{refused}") };
        assert_eq!((host.as_str(), *class), ("localhost", AddressClass::Loopback));
    }
}

#[tokio::test]
async fn class_18_only_https_leaves_unless_the_host_is_listed() {
    let client = EgressClient::new(&EgressSettings::default()).unwrap();
    let refused = client.send(EgressRequest::get("http://example.com/")).await.unwrap_err();
    assert!(matches!(refused, EgressError::PlainHttp { .. }), "{refused}");
    for url in [
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "data:,x",
        "//example.com/",
        "/x",
        "unix:/run/x",
    ] {
        let refused = client.send(EgressRequest::get(url)).await.unwrap_err();
        assert!(matches!(refused, EgressError::Url { .. }), "{url}: {refused}");
    }
}

#[test]
fn a_network_holds_its_own_addresses_only() {
    let table: [(&str, &[&str], &[&str]); 8] = [
        (
            "10.1.0.0/16",
            &["10.1.0.0", "10.1.255.255"],
            &["10.0.255.255", "10.2.0.0", "::ffff:10.1.0.1", "a01::"],
        ),
        ("192.168.7.9", &["192.168.7.9"], &["192.168.7.8", "192.168.7.10"]),
        ("192.168.7.9/32", &["192.168.7.9"], &["192.168.7.8"]),
        ("0.0.0.0/0", &["0.0.0.0", "255.255.255.255"], &["::", "::1"]),
        ("fd00::/8", &["fd00::", "fdff::1"], &["fc00::1", "fe00::1", "253.0.0.0"]),
        ("::1", &["::1"], &["::2", "0.0.0.1"]),
        ("::/0", &["::", "ffff::"], &["0.0.0.0"]),
        ("128.0.0.0/1", &["128.0.0.0", "255.0.0.0"], &["127.255.255.255", "8000::"]),
    ];
    for (text, inside, outside) in table {
        let network: Network = text.parse().unwrap();
        assert_eq!(network.to_string().parse(), Ok(network));
        for address in inside {
            assert!(network.contains(address.parse().unwrap()), "{text} {address}");
        }
        for address in outside {
            assert!(!network.contains(address.parse().unwrap()), "{text} {address}");
        }
    }
    for text in [
        "",
        "10.0.0.0/33",
        "10.0.0.1/8",
        "::1/129",
        "fd00::1/8",
        "10/8",
        "10.0.0.0/",
        "10.0.0.0/-1",
        "x/8",
        "10.0.0.0/8/8",
    ] {
        assert!(text.parse::<Network>().is_err(), "{text}");
    }
}
