//! Known answers: hashes that the software they are named after made, each of the password that stands beside it.

use serde_json::json;

use super::tests::{WEAK, hasher, password};
use super::*;

const PHRASE: &str = "correct horse battery";

/// Origin, hash, password.
const VECTORS: [(&str, &str, &str); 36] = [
    (
        "argon2-cffi 25.1, argon2i",
        "$argon2i$v=19$m=256,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$gQuBv4zhBchBqJQZL4Pajso/bI69AzkolaGF5VjvPCw",
        PHRASE,
    ),
    (
        "argon2-cffi 25.1, argon2d",
        "$argon2d$v=19$m=256,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$p563gL17Wq50r3LGsIJzyBep6Gjb48EPCrCZjVhDf5o",
        PHRASE,
    ),
    (
        "argon2-cffi 25.1, argon2id",
        "$argon2id$v=19$m=256,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$v0/ZTOxV78xg1TKmyyHLURRHSC4pD5sHY4trgMa37ig",
        PHRASE,
    ),
    (
        "argon2-cffi 25.1, argon2i 1.0",
        "$argon2i$v=16$m=256,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$HO1HIoa3yBUBkh9LAi8t3kGJDEIs5YG9sCKvBvVvQm4",
        PHRASE,
    ),
    (
        "argon2i 1.0, without its version",
        "$argon2i$m=256,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$HO1HIoa3yBUBkh9LAi8t3kGJDEIs5YG9sCKvBvVvQm4",
        PHRASE,
    ),
    ("Python bcrypt 2a", "$2a$04$BPbQ29rGDGSm2g7wUf7dHeAgra32Ff2GTk3fXl9YUThHl6kNkhVd2", PHRASE),
    ("Python bcrypt 2b", "$2b$04$VJLAfl2m5MUDHtPx4znuEeGcCT1gLNmVwv1cEbQgLykE5TS6g14Ma", PHRASE),
    ("Apache htpasswd, 2y", "$2y$04$LOfwLfe9kPyc/k4UulDDn.QAmT7dqDORmOpOc.ogJkkKsMbPxNiMG", PHRASE),
    ("bcrypt's own test, empty tail", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
    ("LDAP {CRYPT}", "{CRYPT}$2y$04$LOfwLfe9kPyc/k4UulDDn.QAmT7dqDORmOpOc.ogJkkKsMbPxNiMG", PHRASE),
    (
        "Django 5.2 PBKDF2-SHA256",
        "pbkdf2_sha256$1200$g5CqRKiSNlYUXyptytdav7$snw2u9FuqhSz4rnupuUbCProLWnVdsDVMjsSwWz41Hk=",
        PHRASE,
    ),
    (
        "Django 5.2 PBKDF2-SHA1",
        "pbkdf2_sha1$1200$zOAWJzOTGaSfAd97JErqw7$+AyJf6+jpnm2SGQOs2TkTTx8mWM=",
        PHRASE,
    ),
    (
        "Django 5.2 Argon2",
        "argon2$argon2id$v=19$m=512,t=1,p=2$dGVtSHhjZVZlMEI1OTZuZ1hzUG5PUQ$rbSmQ1S33ZcWpdZV9sL6Jid35gxT2iiDPJq8qFSTa0k",
        PHRASE,
    ),
    (
        "Django 5.2 bcrypt over SHA-256",
        "bcrypt_sha256$$2b$04$3M5Ka7y.O5uRIhR7hgdlMOUioZG5UwO.REL8Zm9NAcR1XvC7glUW2",
        PHRASE,
    ),
    ("Django 5.2 bcrypt", "bcrypt$$2b$04$1YzDTYITUZoM4G/fyS7cFeP79HSfjZbd2QTYFrTQforgubbQs5V1K", PHRASE),
    (
        "Django 5.2 scrypt",
        "scrypt$16$cvwIHhRgqVRESbdE8hgVkS$8$5$0Xep1fnLHbgqkTsMms4nxiipfLCddgUDo99+e56tPcJo2oKzrxDUcJez43x1Ga2nMRvV4NuOblIcAi3Hb+k25Q==",
        PHRASE,
    ),
    (
        "passlib 1.7 PBKDF2-SHA256",
        "$pbkdf2-sha256$1000$qhViDEGIsZay9p5Tao3ROg$rDK2QvN..kEyurPY3O28qqfOPo.ZgipI35xm3sBCP5M",
        PHRASE,
    ),
    (
        "passlib 1.7 PBKDF2-SHA512",
        "$pbkdf2-sha512$1000$AeA8p9RaKyVkLAWAsDYGAA$5EMoxDHnf8be7dTDRXSbutEDBbb/JcspHx9T2Oq0qBOEuMI4RUc7ocGaUmxNl1ViDYC6ZE7Zksabc/zx08cPEg",
        PHRASE,
    ),
    ("passlib 1.7 PBKDF2-SHA1", "$pbkdf2$1000$wliL8V6r1drb.19LqbUWIg$9ycv5gFvc8.yRzPsmm7js5jsEmM", PHRASE),
    (
        "passlib 1.7 scrypt, PHC",
        "$scrypt$ln=4,r=8,p=1$ACAkBMBY6/2fUyrFmJPSeg$3eqRcKv35KbjpYQdMoZEhuOre18pmZn5St4OQHnRyys",
        PHRASE,
    ),
    ("passlib 1.7 {SSHA}", "{SSHA}3exwr8ymwwROCv5SdJv+O1pYL/V4Tykl", PHRASE),
    ("passlib 1.7 {SSHA256}", "{SSHA256}wzJcJi2d/t3p/fJSHzYGBnpAsfk6dVi1Al5Xhn/LsqPe+1/L2XvPuQ==", PHRASE),
    (
        "passlib 1.7 {SSHA512}",
        "{SSHA512}5NRVKodiHZlyClqOcvFg+9UuiJdx3VU3JKDtjU7fDXh8GAhnPH8TouEg+BTH4GWowJTdsjlXoLaaswOhlP5qQWkthRDCmFPq",
        PHRASE,
    ),
    (
        "passlib 1.7 {PBKDF2-SHA256}",
        "{PBKDF2-SHA256}1000$yRmjtPbeO4eQEsKYc47x3g$PmSIlSRdbQKe7HcCtMARTHe/HPw5IsE22epGvA4Ndsk",
        PHRASE,
    ),
    ("{SHA} without a salt", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "password"),
    (
        "ASP.NET Core Identity 2",
        "AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggHIVY0sdEUfdyeM+E1LtH1uJg==",
        "my password",
    ),
    (
        "ASP.NET Core Identity 3, SHA-1",
        "AQAAAAAAAAD6AAAAEAhftMyfTJylOlZT+eEotFXd1elee8ih5WsjXaR3PA9M",
        "my password",
    ),
    (
        "ASP.NET Core Identity 3, SHA-256",
        "AQAAAAEAACcQAAAAEAABAgMEBQYHCAkKCwwNDg+yWU7rLgUwPZb1Itsmra7cbxw2EFpwpVFIEtP+JIuUEw==",
        "my password",
    ),
    (
        "ASP.NET Core Identity 3, SHA-512",
        "AQAAAAIAAYagAAAAEAABAgMEBQYHCAkKCwwNDg/Q8A0WMKbtHQJQ2DHCdoEeeFBrgNlldq6vH4qX/CGqGQ==",
        "my password",
    ),
    (
        "RFC 7914 section 12, as PHC",
        "$scrypt$ln=10,r=8,p=16$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIurzDZLiKjiG/xCSedmDDaxyevuUqD7m2DYMvfoswGQA",
        "password",
    ),
    ("RFC 6070, as PHC", "$pbkdf2-sha1$i=4096,l=20$c2FsdA$SwB5AbdlSJq+rUnZJvch0GWkKcE", "password"),
    (
        "Firebase's own example",
        "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
        "user1password",
    ),
    (
        "libargon2's own test",
        "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
        "password",
    ),
    (
        "libargon2's own test, argon2i",
        "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
        "password",
    ),
    (
        "Werkzeug PBKDF2",
        "pbkdf2:sha256:1000$AVcRWEV7IbyDJPyw$688db8c8c3adf37d2daa6e89bf904d6e9478f5b6a1942b5eaac192608679a0cc",
        PHRASE,
    ),
    (
        "Werkzeug scrypt",
        "scrypt:16:8:1$qmZT0pYwB2kD3xCh$ff85b7d124fd237b52e55cb9db3ff736a3051782da57a6e2de2993942312ae68eaef353fc4dedc2e96e73d3a486930cdeb8ad2309c820319cdcddd558a20ea30",
        PHRASE,
    ),
];

/// As the server meets them: brought in, stored, read again.
async fn met(hasher: &Hasher, foreign: Foreign, right: &str, origin: &str) {
    let stored = hasher.adopt(foreign).await.unwrap();
    let verified = hasher.verify(&password(right), Some(&stored)).await.unwrap();
    assert!(verified.right && verified.outdated, "{origin}: {stored}");
    let mut wrong = right.to_owned();
    wrong.pop();
    wrong.push('~');
    assert!(!hasher.verify(&password(&wrong), Some(&stored)).await.unwrap().right, "{origin}: {stored}");
    // What is stored says how it is made.
    let scheme = Stored::parse(&stored).unwrap().scheme;
    assert_eq!(Scheme::parse(&scheme.to_string()).unwrap(), scheme, "{origin}");
    assert!(stored.starts_with(&scheme.to_string()), "{origin}: {stored}");
}

#[tokio::test]
async fn hashes_of_every_origin_verify() {
    let hasher = hasher(&WEAK, 2);
    for (origin, hash, right) in VECTORS {
        let foreign = Foreign::parse(hash).unwrap_or_else(|error| panic!("{origin}: {error}"));
        met(&hasher, foreign, right, origin).await;
    }
}

#[tokio::test]
async fn hashes_in_pieces_verify() {
    let hasher = hasher(&WEAK, 2);
    // In the form of Keycloak's export; the values by Python's hashlib.
    for (name, value) in [
        (
            "pbkdf2",
            "yr+bZKkEnTtGf3f18VjXM5CIxT9gt2kfzsoPOBHUS/RLDCZ42k0onOKxREnD3cAEEtG4G7TZX43IWO1b/MW15g==",
        ),
        (
            "pbkdf2-sha256",
            "AhaeZ02AwPxykuhhDI8XvhQN8GKvmqM+qF6qvs/98I3oPrOafEIqFGOq0+8aVYIT/+xVcPChXj+A8gpxtbBrFQ==",
        ),
        (
            "pbkdf2-sha512",
            "ToxFUi5y3fprZRW/V6CupR2uIDYfuy5rlsF9Z4E648lE68lw5lzmucru/HdPvmBJDSLroVh1Q2xCvjqd8NI/6Q==",
        ),
    ] {
        let secret =
            json!({ "value": value, "salt": "AAECAwQFBgcICQoLDA0ODw==", "additionalParameters": {} });
        let how = json!({ "hashIterations": 1000, "algorithm": name, "additionalParameters": {} });
        let credential = json!({ "type": "password", "secretData": secret.to_string(), "credentialData": how.to_string() });
        met(&hasher, Foreign::from_json(&credential, None).unwrap(), PHRASE, name).await;
    }
    let secret = json!({ "value": "v0/ZTOxV78xg1TKmyyHLURRHSC4pD5sHY4trgMa37ig=", "salt": "c2FsdHNhbHRzYWx0c2FsdA==" });
    let how = json!({ "hashIterations": 2, "algorithm": "argon2", "additionalParameters": {
        "hashLength": ["32"], "memory": ["256"], "type": ["id"], "version": ["1.3"], "parallelism": ["1"] } });
    let credential = json!({ "secretData": secret.to_string(), "credentialData": how.to_string() });
    met(&hasher, Foreign::from_json(&credential, None).unwrap(), PHRASE, "argon2").await;
    // Firebase's own example, as an export has it.
    let parameters = serde_json::from_value(json!({
        "algorithm": "SCRYPT", "base64_salt_separator": "Bw==", "rounds": 8, "mem_cost": 14,
        "base64_signer_key":
            "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==",
    }));
    let account = json!({
        "salt": "42xEC-ixf3L2lw==",
        "passwordHash": "lSrfV15cpx95_sZS2W9c9Kp6i_LVgQNDNC_qzrCnh1SAyZvqmZqAjTdn3aoItz-VHjoZilo78198JAdRuid5lQ==",
    });
    let foreign = Foreign::from_json(&account, Some(&parameters.unwrap())).unwrap();
    met(&hasher, foreign, "user1password", "Firebase").await;
    assert_eq!(Foreign::from_json(&account, None).unwrap_err(), Unreadable::Keyed);
}

/// bcrypt reads 72 bytes. Whoever made the hash cut the rest off, so what is longer verifies by its first 72, is outdated, and
/// counts to its end from then on.
#[tokio::test]
async fn bcrypt_reads_72_bytes_and_what_replaces_it_reads_all() {
    let hasher = hasher(&WEAK, 1);
    let long = "a long password, ".repeat(6);
    let hash = "$2b$04$13dp9DIu2mgtV.wO9zaFlus/6dAatHhXjtbKT6NO4SuE.k.VMT6rK";
    for (text, right) in [(&long[..], true), (&long[..72], true), (&long[..71], false)] {
        let verified = hasher.verify(&password(text), Some(hash)).await.unwrap();
        assert_eq!(verified.right, right, "{text}");
    }
    let new = hasher.hash(&password(&long)).await.unwrap();
    assert!(!hasher.verify(&password(&long[..72]), Some(&new)).await.unwrap().right);
    assert!(hasher.verify(&password(&long), Some(&new)).await.unwrap().right);
}

#[test]
fn what_cannot_be_verified_is_refused_with_the_reason() {
    for (hash, reason) in [
        ("", Unreadable::Kind),
        ("hunter2", Unreadable::Kind),
        ("$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/", Unreadable::Kind),
        ("$6$saltsalt$abc", Unreadable::Kind),
        ("{MD5}CY9rzUYh03PK3k6DJie09g==", Unreadable::Kind),
        ("md5$salt$0123", Unreadable::Kind),
        ("5f4dcc3b5aa765d61d8327deb882cf99", Unreadable::Kind),
        ("$2x$04$VJLAfl2m5MUDHtPx4znuEeGcCT1gLNmVwv1cEbQgLykE5TS6g14Ma", Unreadable::Faulty),
        ("$2b$31$VJLAfl2m5MUDHtPx4znuEeGcCT1gLNmVwv1cEbQgLykE5TS6g14Ma", Unreadable::TooMuch),
        ("$2b$04$VJLAfl2m5MUDHtPx4znuEeGcCT1gLNmVwv1cEbQgLykE5TS6g14M", Unreadable::Form),
        ("$argon2id$v=19$m=4000000,t=1,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0", Unreadable::TooMuch),
        ("$argon2id$v=19$m=64,t=1,p=1,keyid=AAAA$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0", Unreadable::Keyed),
        ("$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$", Unreadable::Form),
        ("$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ", Unreadable::Form),
        ("$scrypt$ln=30,r=8,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0", Unreadable::TooMuch),
        ("scrypt:32769:8:1$salt$00112233445566778899", Unreadable::Form),
        ("pbkdf2_sha256$99999999$salt$snw2u9FuqhSz4rnupuUbCProLWnVdsDVMjsSwWz41Hk=", Unreadable::TooMuch),
        ("{SSHA}dG9vIHNob3J0", Unreadable::Form),
        ("AQAAAAkAAAPo", Unreadable::Kind),
    ] {
        assert_eq!(Foreign::parse(hash).unwrap_err(), reason, "{hash}");
    }
}

/// Whatever a file holds, it is read or refused.
#[test]
fn no_text_makes_it_panic() {
    for (_, hash, _) in VECTORS {
        for at in 0..hash.len() {
            let _ = Foreign::parse(&hash[..at]);
            let _ = Foreign::parse(&hash[at..]);
            for odd in ["$", "=", ",", "é", "0", "-"] {
                let _ = Foreign::parse(&format!("{}{odd}{}", &hash[..at], &hash[at + 1..]));
            }
        }
    }
}
