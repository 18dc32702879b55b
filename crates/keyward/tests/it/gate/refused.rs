//! Everything that a deploy key is for in the hands of somebody else: each way in, and each way on, is shut.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};

use super::machine::{Server, public};
use super::{Host, REFUSED, some_digest};
use crate::command::text;
use crate::running::free_port;

/// Where the gate is, and nobody else may be.
const DOOR: &str = "deploy@127.0.0.1";

fn ssh(host: &Host, arguments: &[&str]) -> Output {
    host.machine.client("ssh", "deploy").args(arguments).output().unwrap()
}

/// Nobody was let in, or on; what ssh says of that.
fn shut(output: &Output) -> String {
    let said = text(&output.stderr);
    assert!(!output.status.success(), "{said}{}", text(&output.stdout));
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
    said
}

#[test]
fn whatever_is_no_order_is_refused_in_one_line_and_nothing_of_it_is_done() {
    let Some(host) = Host::start() else { return };
    let deploy = format!("deploy {}", some_digest('a'));
    let done = host.machine.at("run/done");
    let orders = [
        "id".to_owned(),
        "deploy x; id".to_owned(),
        format!("{deploy}; touch /run/done"),
        format!("{deploy} && touch /run/done"),
        format!("{deploy}\ntouch /run/done"),
        format!("{deploy}\n"),
        format!("\n{deploy}"),
        format!("{deploy} $(touch /run/done)"),
        format!("{deploy} `touch /run/done`"),
        format!("'{deploy}'"),
        format!("\"{deploy}\""),
        format!("{deploy} *"),
        "*".to_owned(),
        "stat?s".to_owned(),
        "status | tee /run/done".to_owned(),
        "status > /run/done".to_owned(),
        "status\ttouch".to_owned(),
        " status".to_owned(),
        "status ".to_owned(),
        "STATUS".to_owned(),
        "--help".to_owned(),
        "deploy-service".to_owned(),
        deploy.to_uppercase(),
        format!("{deploy}0"),
        "ä".to_owned(),
        "a".repeat(100_000),
        format!("{deploy}{}", " ".repeat(100_000)),
    ];
    for order in orders {
        let output = host.machine.order(&order);
        let told = order.chars().take(80).collect::<String>();
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(2), REFUSED), "{told:?}");
        assert!(output.stdout.is_empty(), "{told:?}: {}", text(&output.stdout));
    }
    // No word at all is none of the three, either.
    let nothing = ssh(&host, &["-T", DOOR]);
    assert_eq!((nothing.status.code(), text(&nothing.stderr).as_str()), (Some(2), REFUSED));
    assert!(!done.exists(), "one of them was done");
    // Each is told, with the key.
    assert!(host.log().contains("no order by SHA256:"), "{}", host.log());
}

#[test]
fn nobody_gets_in_by_a_password_nor_by_another_key_and_root_not_by_this_one() {
    let Some(host) = Host::start() else { return };
    let by_password =
        ["-o", "BatchMode=no", "-o", "NumberOfPasswordPrompts=0", "-o", "PubkeyAuthentication=no"];
    for account in ["deploy", "root", "nobody"] {
        let whom = format!("{account}@127.0.0.1");
        // In the brackets is all that sshd would take: no password, no question and answer.
        let said = shut(&ssh(&host, &[&by_password[..], &[whom.as_str(), "status"]].concat()));
        assert!(said.contains("Permission denied (publickey)."), "{account}: {said}");
        if account != "deploy" {
            let said = shut(&ssh(&host, &[&whom, "id"]));
            assert!(said.contains("Permission denied (publickey)."), "{account}: {said}");
        }
    }
    let stranger = host.machine.client("ssh", "stranger").args([DOOR, "status"]).output().unwrap();
    assert!(shut(&stranger).contains("Permission denied (publickey)."));
    // Nor by one of another kind, even if somebody has put it among the others.
    let rsa = host.machine.key("rsa");
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", "rsa", "-b", "3072", "-N", "", "-f"]).arg(&rsa).status();
    assert!(made.unwrap().success());
    let keys = host.machine.at("etc/ssh/keyward-deploy-keys");
    let before = fs::read_to_string(&keys).unwrap();
    fs::write(&keys, format!("{before}restrict {}", fs::read_to_string(public(&rsa)).unwrap())).unwrap();
    let rsa = host.machine.client("ssh", "rsa").args([DOOR, "status"]).output().unwrap();
    assert!(shut(&rsa).contains("Permission denied (publickey)."));
    assert_eq!(host.machine.order("status").status.code(), Some(1), "and the deploy key still gets in");
}

#[test]
fn a_host_that_is_not_the_one_that_is_known_is_not_spoken_to() {
    let Some(host) = Host::start() else { return };
    let known = host.machine.keys.path().join("other_hosts");
    let option = format!("UserKnownHostsFile={}", known.display());
    let ask = || {
        // The first word counts.
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "none", "-o", &option]);
        let rest = host.machine.client("ssh", "deploy");
        ssh.args(rest.get_args().skip(2)).args([DOOR, "status"]).output().unwrap()
    };
    let other = fs::read_to_string(public(&host.machine.key("stranger"))).unwrap();
    for (text, said) in [
        (String::new(), "Host key verification failed"),
        (format!("[127.0.0.1]:{} {other}", host.machine.port), "REMOTE HOST IDENTIFICATION HAS CHANGED"),
    ] {
        fs::write(&known, text).unwrap();
        let output = ask();
        assert_eq!(output.status.code(), Some(255));
        assert!(shut(&output).contains(said), "{output:?}");
    }
    assert!(!host.log().contains("status by"), "no order got there: {}", host.log());
}

#[test]
fn there_is_no_terminal_and_no_file_goes_in_or_out() {
    let Some(host) = Host::start() else { return };
    let output = ssh(&host, &["-t", "-t", DOOR, "status"]);
    assert!(text(&output.stderr).contains("PTY allocation request failed"), "{output:?}");
    let folder = tempfile::tempdir().unwrap();
    let (own, got) = (folder.path().join("own"), folder.path().join("got"));
    fs::write(&own, "text").unwrap();
    let (own, got_there) = (own.display().to_string(), got.display().to_string());
    let (from, to) = (format!("{DOOR}:/etc/passwd"), format!("{DOOR}:/run/put"));
    // By the protocol of before, and by that of now.
    for protocol in ["-O", "-s"] {
        for [what, place] in [[&from, &got_there], [&own, &to]] {
            let mut scp = host.machine.client("scp", "deploy");
            shut(&scp.arg(protocol).arg(what).arg(place).output().unwrap());
        }
    }
    let sftp = host.machine.client("sftp", "deploy").arg(&from).arg(&got_there).output().unwrap();
    assert!(!sftp.status.success(), "{sftp:?}");
    assert!(!got.exists() && !host.machine.at("run/put").exists());
}

#[test]
fn nothing_is_forwarded_from_the_host_or_to_it() {
    let Some(host) = Host::start() else { return };
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    target.set_nonblocking(true).unwrap();
    let there = target.local_addr().unwrap().to_string();
    // One connection to a place that the host reaches.
    shut(&ssh(&host, &["-W", &there, DOOR]));
    // A port, or a socket, of the host that would lead here.
    let on_failure = ["-N", "-o", "ExitOnForwardFailure=yes", "-R"];
    for place in [format!("127.0.0.1:0:{there}"), format!("/run/forwarded.sock:{there}"), "0".to_owned()] {
        let said = shut(&ssh(&host, &[&on_failure[..], &[place.as_str(), DOOR]].concat()));
        assert!(said.contains("remote port forwarding failed"), "{place}: {said}");
    }
    assert!(!host.machine.at("run/forwarded.sock").exists());
    // A port here that would lead to the host: what connects to it is let go, and nobody hears of it there.
    let socket = "/run/keyward-deploy/gate.sock";
    for (flag, leads_to, asks) in [
        ("-L", format!(":{there}"), &b"GET / HTTP/1.0\r\n\r\n"[..]),
        (
            "-L",
            format!(":{socket}"),
            &b"{\"order\":\"status\",\"key\":\"SHA256:/FdFx/6s8p41hx7FI0cnsv3qjcjOe/XvpSIa2PReMPE\"}\n"[..],
        ),
        ("-D", String::new(), socks(&target).as_slice()),
    ] {
        let port = free_port();
        let mut command = host.machine.client("ssh", "deploy");
        command.args(["-N", flag, &format!("127.0.0.1:{port}{leads_to}"), DOOR]);
        let _forwarding = Server::start(command.stderr(std::process::Stdio::null())).listens_on(port);
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let _ = stream.write_all(asks);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        // Of SOCKS what ssh itself says is heard: that it is understood, and at most that the rest was taken.
        assert!(answer.is_empty() || flag == "-D" && answer.len() <= 12, "{flag}: {answer:?}");
    }
    let nobody = target.accept().unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::WouldBlock, "somebody came by the host");
    assert!(!host.log().contains("status by"), "{}", host.log());
    settings_of_what_ssh_asks_for_only_with_a_display_or_an_agent(&host);
}

/// To connect to this address by SOCKS 5 (RFC 1928), greeting and request at once.
fn socks(target: &TcpListener) -> Vec<u8> {
    let port = target.local_addr().unwrap().port().to_be_bytes();
    [&[5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1][..], &port].concat()
}

/// As sshd itself tells it, of its files.
fn settings_of_what_ssh_asks_for_only_with_a_display_or_an_agent(host: &Host) {
    let mut command = host.machine.command("/usr/sbin/sshd");
    let told = command.args(["-T", "-C", "user=deploy,host=localhost,addr=127.0.0.1"]).output().unwrap();
    let told = text(&told.stdout);
    for setting in [
        "allowagentforwarding no",
        "x11forwarding no",
        "permittunnel no",
        "disableforwarding yes",
        "permituserrc no",
        "permituserenvironment no",
        "forcecommand /usr/local/sbin/keyward deploy-gate",
    ] {
        assert!(told.lines().any(|line| line == setting), "{setting}: {told}");
    }
    let keys = fs::read_to_string(host.machine.at("etc/ssh/keyward-deploy-keys")).unwrap();
    assert!(
        keys.lines().filter(|line| !line.starts_with('#')).all(|line| line.starts_with("restrict ")),
        "{keys}"
    );
}
