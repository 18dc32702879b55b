//! What is written for machines other than ours, looked at by their own tools; and what is in an image.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use secrets::ExposeSecret as _;

use super::docker::{Docker, success};
use super::guide;
use super::installation::Installation;
use crate::wait::until;

/// The most that an image may have to carry over the network.
const LARGEST: u64 = 30 * 1000 * 1000;

#[tokio::test(flavor = "multi_thread")]
async fn compose_caddy_and_the_linter_of_dockerfiles_have_nothing_to_say() {
    let Some(docker) = Docker::find().await else { return };
    let stack = Installation::make(docker);
    let nothing_to_say = |stack: &Installation| {
        let said = stack.compose(&["config", "--quiet"]);
        let told = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.status.success() && told.is_empty(), "{told}");
    };
    nothing_to_say(&stack);
    the_guides_prometheus_joins_the_slots(&stack);
    let stack = stack.with_openbao();
    nothing_to_say(&stack);

    let caddy = stack.docker.cache.join("bin/caddy");
    let caddyfile = stack.folder.join("caddy/Caddyfile");
    let formatted = success(&Command::new(&caddy).arg("fmt").arg(&caddyfile).output().unwrap());
    assert_eq!(formatted, fs::read_to_string(&caddyfile).unwrap(), "`caddy fmt` would write it otherwise");
    for tls_mode in ["", "local_certs"] {
        let said = Command::new(&caddy)
            .args(["validate", "--adapter", "caddyfile", "--config"])
            .arg(&caddyfile)
            .env("AUTH_DOMAIN", "auth.example.com")
            .env("APP_DOMAIN", "app.example.com")
            .env("ACME_EMAIL", "ops@example.org")
            .env("TLS_MODE", tls_mode)
            // It makes its folders where it is told; none of them is the machine's.
            .env("HOME", stack.folder.parent().unwrap())
            .env("XDG_DATA_HOME", stack.folder.parent().unwrap())
            .env("XDG_CONFIG_HOME", stack.folder.parent().unwrap())
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.status.success(), "{log}");
        // That nothing makes TLS of the port that leads to TLS is as meant.
        let complaints = log
            .lines()
            .filter(|line| !line.contains("\"level\":\"info\"") && !line.contains("http.auto_https"));
        let complaints: Vec<_> = complaints.filter(|line| line.starts_with('{')).collect();
        assert!(complaints.is_empty(), "{complaints:#?}");
    }

    let deploy = PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deploy");
    let mut dockerfiles = vec![deploy.join("Dockerfile")];
    dockerfiles.extend(
        ["caddy", "openbao", "postgres", "redis"]
            .map(|name| deploy.join("testing").join(name).join("Dockerfile")),
    );
    success(&Command::new(stack.docker.cache.join("bin/hadolint")).args(dockerfiles).output().unwrap());
}

/// Compose takes what the guide has an operator write to watch the stack.
fn the_guides_prometheus_joins_the_slots(stack: &Installation) {
    let file = stack.folder.join("compose.prometheus.yml");
    fs::write(&file, guide::one("yaml", "prom/prometheus")).unwrap();
    let said = stack.does(&["-f", file.to_str().unwrap(), "config", "--format", "json"]);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    let prometheus = &said["services"]["prometheus"];
    let networks: Vec<_> = prometheus["networks"].as_object().unwrap().keys().collect();
    assert_eq!(networks, ["front", "sight"]);
    assert_eq!(prometheus["ports"][0]["host_ip"], "127.0.0.1", "{prometheus}");
    for service in ["auth-service-blue-1", "app-service-blue-1"] {
        assert!(
            said["services"][service]["networks"].as_object().unwrap().contains_key("front"),
            "{service}"
        );
    }
}

/// What the proxy makes of the file: who may change it, how long it waits, how much it carries, what it says of TLS.
#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_is_changed_by_nobody_and_has_its_bounds_and_says_preload_when_it_is_asked_to() {
    let Some(docker) = Docker::find().await else { return };
    let caddyfile = PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deploy/Caddyfile");
    for preload in ["", "; preload"] {
        let adapted = Command::new(docker.cache.join("bin/caddy"))
            .args(["adapt", "--adapter", "caddyfile", "--config"])
            .arg(&caddyfile)
            .envs([("AUTH_DOMAIN", "auth.example.com"), ("APP_DOMAIN", "app.example.com")])
            .envs([("ACME_EMAIL", "ops@example.org"), ("TLS_MODE", ""), ("HSTS_PRELOAD", preload)])
            .env("HOME", docker.cache.as_os_str())
            .output()
            .unwrap();
        let adapted: serde_json::Value = serde_json::from_str(&success(&adapted)).unwrap();
        assert_eq!(adapted["admin"]["listen"], "unix//run/caddy/admin.sock");
        let servers: Vec<_> = adapted["apps"]["http"]["servers"].as_object().unwrap().values().collect();
        let of_the_world = servers.iter().find(|server| server["listen"][0] == ":443").unwrap();
        let second = 1_000_000_000_u64;
        for (name, seconds) in
            [("read_header_timeout", 10), ("read_timeout", 15), ("write_timeout", 60), ("idle_timeout", 120)]
        {
            assert_eq!(of_the_world[name], seconds * second, "{name}");
        }
        let text = of_the_world.to_string();
        for bound in ["\"max_size\":128000}", "\"max_size\":1000000}"] {
            assert_eq!(text.matches(bound).count(), 1, "{bound}");
        }
        let said = format!("\"max-age=63072000; includeSubDomains{preload}\"");
        // Of both sites, and of what is said where no slot answers.
        assert_eq!(text.matches(&said).count(), 4, "{said}");
        assert_eq!(text.matches("Strict-Transport-Security").count(), 4);
    }
}

/// A build once took what another commit had left in a cache. What is kept from build to build is a layer, of the manifests alone: no
/// change of our code changes it, and each change of what we depend on does.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_image_is_compiled_of_is_kept_for_as_long_as_the_manifests_are_the_same() {
    let Some(docker) = Docker::find().await else { return };
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
    let text = fs::read_to_string(workspace.join("deploy/Dockerfile")).unwrap();
    assert!(!text.contains("type=cache"), "a cache is nobody's commit");
    let between =
        |from: &str, to: &str| text.split_once(from).unwrap().1.split_once(to).unwrap().0.to_owned();
    let copied = between(" AS dependencies\n", " AS built\n");
    let copied: Vec<_> = copied.lines().filter(|line| line.starts_with("COPY ")).collect();
    assert_eq!(copied, ["COPY --from=manifests /source ./"]);
    assert!(text.contains("FROM dependencies AS built\nARG REVISION=\nCOPY . .\n"));

    // What makes the layer asks of its base no more than any Debian has.
    let base = between("FROM ", " AS manifests\n").lines().last().unwrap().to_owned();
    docker.ask(&["tag", "debian:trixie-slim", base.trim_start_matches("FROM ")]);
    let context = tempfile::tempdir().unwrap();
    let pack = "tar --exclude=node_modules --exclude=target --exclude=corpus -c .cargo .dockerignore Cargo.toml Cargo.lock \
                rust-toolchain.toml benches crates deploy e2e rehearsal scripts | tar -x -C \"$0\"";
    success(
        &Command::new("sh").args(["-c", pack]).arg(context.path()).current_dir(&workspace).output().unwrap(),
    );
    let listed = || {
        let (file, place) = (context.path().join("deploy/Dockerfile"), context.path().to_str().unwrap());
        let build = ["build", "--quiet", "--network", "none", "--target", "manifests", "--file"];
        let image = docker.ask(&[&build[..], &[file.to_str().unwrap(), place]].concat());
        let list = "cd /source && find . -type f | sort | xargs sha256sum";
        docker.ask(&["run", "--rm", "--network", "none", image.trim(), "sh", "-c", list])
    };
    let first = listed();
    let names: Vec<_> = first.lines().map(|line| line.split_once("  ").unwrap().1).collect();
    let kept = [
        "./.cargo/config.toml",
        "/Cargo.toml",
        "/Cargo.lock",
        "/rust-toolchain.toml",
        "./scripts/build-release",
        "/src/lib.rs",
        "/src/main.rs",
    ];
    assert!(names.iter().all(|name| kept.iter().any(|end| name.ends_with(end))), "{names:?}");
    assert!(
        names.contains(&"./crates/auth-service/src/main.rs") && names.contains(&"./Cargo.lock"),
        "{names:?}"
    );

    let code = context.path().join("crates/auth/src");
    fs::write(code.join("lib.rs"), "compile_error!();").unwrap();
    fs::create_dir(code.join("another")).unwrap();
    fs::write(code.join("another/file.rs"), "").unwrap();
    assert_eq!(listed(), first, "code is in the layer of dependencies");
    for (file, what) in [("Cargo.lock", "what we depend on"), ("scripts/build-release", "how it is compiled")]
    {
        let before = listed();
        let file = context.path().join(file);
        fs::write(&file, format!("{}\n# another\n", fs::read_to_string(&file).unwrap())).unwrap();
        assert_ne!(listed(), before, "the layer is kept, and {what} has changed");
    }
}

/// What is shown to be the same twice is what an image holds: both are compiled by one script, and stripped of nothing after it.
#[test]
fn an_image_is_compiled_as_what_is_shown_to_be_the_same_twice() {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
    for (file, builds) in [("deploy/Dockerfile", 2), ("scripts/reproduce", 1)] {
        let text = fs::read_to_string(workspace.join(file)).unwrap();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let calls = lines.clone().filter(|line| {
            line.contains("RUN ") && line.contains("scripts/build-release")
                || line.contains("/scripts/build-release\"")
        });
        assert_eq!(calls.count(), builds, "{file}");
        for line in lines {
            for other in ["cargo build", "cargo rustc", "--strip", "RUSTFLAGS", "CFLAGS"] {
                assert!(
                    !line.contains(other),
                    "{file} does by itself what scripts/build-release is for: {line}"
                );
            }
        }
    }
}

/// Nobody who gets into a container finds something to go on with.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_holds_the_program_and_what_it_loads_and_nothing_else() {
    let Some(docker) = Docker::find().await else { return };
    for (name, id) in [("auth-service", "10001:10001"), ("app-service", "10002:10002")] {
        let image = format!("keyward-testing/{name}:test");
        let known = docker.inspect(&image);
        let config = &known["Config"];
        assert_eq!(config["User"], id);
        let program = format!("/usr/bin/{name}");
        assert_eq!(config["Entrypoint"], serde_json::json!([program]));
        assert_eq!(config["Healthcheck"]["Test"], serde_json::json!(["CMD", program, "healthcheck"]));
        let environment: Vec<_> = config["Env"].as_array().into_iter().flatten().collect();
        let expected = ["APP_LISTEN=0.0.0.0:8000", "INTERNAL_LISTEN=0.0.0.0:8001"];
        let others = environment.iter().filter(|set| !set.as_str().unwrap().starts_with("PATH="));
        assert!(others.eq(expected.iter().filter(|_| name == "app-service")), "{environment:?}");
        for label in ["title", "description", "licenses", "version", "revision"] {
            assert!(config["Labels"][format!("org.opencontainers.image.{label}")].is_string(), "{label}");
        }
        assert_eq!(config["Labels"]["org.opencontainers.image.version"], env!("CARGO_PKG_VERSION"));
        // What the image says of itself is what the program in it says.
        let told = docker.ask(&["run", "--rm", "--network", "none", &image, "--version"]);
        let revision = std::env::var("KEYWARD_REVISION").ok().filter(|revision| !revision.is_empty());
        let label = &config["Labels"]["org.opencontainers.image.revision"];
        assert_eq!(label, revision.as_deref().unwrap_or("unknown"), "{told}");
        let of_program = revision.map(|revision| format!(" (revision {revision})")).unwrap_or_default();
        assert_eq!(told.trim(), format!("{name} {}{of_program}", env!("CARGO_PKG_VERSION")));

        let archive = docker.cache.join(format!("{name}.tar"));
        docker.ask(&["save", "--output", archive.to_str().unwrap(), &image]);
        let packed = success(
            &Command::new("sh").args(["-c", "gzip -6 -c \"$0\" | wc -c"]).arg(&archive).output().unwrap(),
        );
        let size: u64 = packed.trim().parse().unwrap();
        println!("{image}: {size} bytes compressed");
        assert!(size < LARGEST, "{image} has {size} bytes compressed");

        let container = docker.ask(&["create", "--network", "none", &image]).trim().to_owned();
        docker.ask(&["export", "--output", archive.to_str().unwrap(), &container]);
        says_what_it_is_made_of(&docker, &container, name);
        docker.ask(&["rm", &container]);
        let listed = success(&Command::new("tar").arg("-tvf").arg(&archive).output().unwrap());
        fs::remove_file(&archive).unwrap();
        let files = files(&listed);
        for (path, mode) in files.iter().filter(|(_, mode)| !mode.starts_with('l')) {
            assert!(
                !mode.contains(['s', 't', 'S', 'T']) && !mode.ends_with("w-") && !mode.ends_with("wx"),
                "{mode} {path}"
            );
        }
        let names: Vec<_> = files.keys().map(String::as_str).collect();
        let expected = |path: &&str| {
            path.starts_with("lib/") || path.starts_with("lib64/") || path == &program.trim_start_matches('/')
                || path == &format!("usr/share/sbom/{name}.cdx.json")
                || ["etc/passwd", "etc/group", "etc/ssl/certs/ca-certificates.crt"].contains(path)
                // What Docker itself puts into every container.
                || ["etc/hostname", "etc/hosts", "etc/resolv.conf", "etc/mtab", ".dockerenv", "dev/console"].contains(path)
        };
        let others: Vec<_> = names.iter().filter(|path| !expected(path)).collect();
        assert!(others.is_empty(), "{others:?}");
        let libraries = names.iter().filter(|path| path.starts_with("lib"));
        assert!(libraries.clone().all(|path| path.contains(".so")), "{:?}", libraries.collect::<Vec<_>>());
        assert!(libraries.count() <= 6);
    }
}

/// The image of the app alone, with what it has to know and no Compose to tell it where its health is asked.
#[tokio::test(flavor = "multi_thread")]
async fn the_image_of_the_app_is_healthy_by_itself() {
    let Some(docker) = Docker::find().await else { return };
    let folder = tempfile::tempdir().unwrap();
    for name in ["client-secret", "session-key"] {
        let key = secrets::sealing::generate_key_text();
        fs::write(folder.path().join(name), key.expose_secret()).unwrap();
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let run = ["run", "--detach", "--network", "none", "--read-only", "--cap-drop", "ALL"];
    let told = [
        "--volume",
        &format!("{}:/run/secrets:ro", folder.path().display()),
        "--env",
        "CLIENT_SECRET=file:/run/secrets/client-secret",
        "--env",
        "SESSION_KEY=file:/run/secrets/session-key",
        "keyward-testing/app-service:test",
    ];
    let container = docker.ask(&[&run[..], &told[..]].concat()).trim().to_owned();
    until("the app to be healthy", async || {
        (docker.inspect(&container)["State"]["Health"]["Status"] == "healthy").then_some(())
    })
    .await;
    docker.ask(&["rm", "--force", &container]);
}

/// The image has a document of its program in it that names what is linked, in the form of `CycloneDX` (which `scripts/check-sbom` holds
/// it to).
fn says_what_it_is_made_of(docker: &Docker, container: &str, name: &str) {
    let file = docker.cache.join(format!("{name}.cdx.json"));
    let place = format!("{container}:/usr/share/sbom/{name}.cdx.json");
    docker.ask(&["cp", &place, file.to_str().unwrap()]);
    let document: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let about = &document["metadata"]["component"];
    assert_eq!((&about["name"], &about["version"]), (&name.into(), &env!("CARGO_PKG_VERSION").into()));
    let components = document["components"].as_array().unwrap();
    let purls: Vec<_> = components.iter().filter_map(|component| component["purl"].as_str()).collect();
    for linked in ["aws-lc-rs", "axum", "tokio"] {
        assert!(purls.iter().any(|purl| purl.starts_with(&format!("pkg:cargo/{linked}@"))), "{linked}");
    }
    assert!(!purls.iter().any(|purl| purl.starts_with("pkg:cargo/insta@")), "what tests need is not in it");
    fs::remove_file(&file).unwrap();
}

/// The regular files and links of `tar -tv`, with their modes.
fn files(listed: &str) -> BTreeMap<String, String> {
    let entry = |line: &str| {
        let mut parts = line.split_whitespace();
        let mode = parts.next()?.to_owned();
        let path = parts.nth(4)?.to_owned();
        (!mode.starts_with('d')).then_some((path, mode))
    };
    listed.lines().filter_map(entry).collect()
}
