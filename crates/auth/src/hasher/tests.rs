use secrets::sealing::generate_key_text;

use super::*;

pub(super) const WEAK: HasherSettings = HasherSettings {
    algorithm: HashingAlgorithm::Argon2id,
    memory_kib: 64,
    iterations: 1,
    parallelism: 1,
    output_length: 32,
    pepper: None,
    older_peppers: Vec::new(),
    allow_weak: true,
    max_parallel: None,
    longest_wait: Duration::from_secs(30),
};

pub(super) fn hasher(settings: &HasherSettings, parallel: usize) -> Hasher {
    Hasher::new(settings, parallel, Random::system()).unwrap()
}

pub(super) fn password(text: &str) -> Password {
    Password::parse(text).unwrap()
}

#[tokio::test]
async fn a_hash_verifies_its_own_password_only() {
    let hasher = hasher(&WEAK, 2);
    let right = password("correct horse battery");
    let hash = hasher.hash(&right).await.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
    let verified = hasher.verify(&right, Some(&hash)).await.unwrap();
    assert!(verified.right && !verified.outdated);
    assert!(!hasher.verify(&password("another"), Some(&hash)).await.unwrap().right);
    assert!(!hasher.verify(&right, None).await.unwrap().right);
    assert_eq!(hasher.metrics().done, 4);
}

#[tokio::test]
async fn a_hash_with_other_parameters_verifies_and_is_outdated() {
    let right = password("correct horse battery");
    for old in [
        HasherSettings { memory_kib: 256, iterations: 3, parallelism: 2, ..WEAK },
        HasherSettings { iterations: 2, ..WEAK },
        HasherSettings { output_length: 64, ..WEAK },
    ] {
        let hash = hasher(&old, 1).hash(&right).await.unwrap();
        let verified = hasher(&WEAK, 1).verify(&right, Some(&hash)).await.unwrap();
        assert!(verified.right && verified.outdated, "{old:?}");
    }
}

/// RFC 9106 names no vector without secret and data; this one is of the reference implementation's own tests.
#[tokio::test]
async fn a_hash_of_the_reference_implementation_verifies() {
    let hash = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    assert!(hasher(&WEAK, 1).verify(&password("password"), Some(hash)).await.unwrap().right);
}

#[tokio::test]
async fn a_hash_that_cannot_be_read_is_a_fault_and_no_panic() {
    let hasher = hasher(&WEAK, 1);
    for hash in ["", "plain", "$argon2id$", "$2b$12$abc", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ", "$$$$"] {
        let verified = hasher.verify(&password("password"), Some(hash)).await;
        assert!(matches!(verified, Err(Fault::Corrupt(_))), "{hash}");
    }
}

#[tokio::test]
async fn a_pepper_goes_in_and_an_older_one_still_verifies() {
    let (old, new) = (generate_key_text(), generate_key_text());
    let peppered = |current: &_, older: &[_]| {
        let peppers = Peppers::new(Some(current), older).unwrap();
        Hasher::with_peppers(&WEAK, 1, peppers, Random::system()).unwrap()
    };
    let right = password("correct horse battery");
    let hash = peppered(&old, &[]).hash(&right).await.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1,keyid="), "{hash}");
    let verified = peppered(&old, &[]).verify(&right, Some(&hash)).await.unwrap();
    assert!(verified.right && !verified.outdated);
    let verified = peppered(&new, std::slice::from_ref(&old)).verify(&right, Some(&hash)).await.unwrap();
    assert!(verified.right && verified.outdated);
    // Without it, or with another, it is no wrong password but a fault that names what is missing.
    let id = hash.split("keyid=").nth(1).unwrap().split('$').next().unwrap().to_owned();
    for without in [peppered(&new, &[]), hasher(&WEAK, 1)] {
        let scheme = hash.rsplitn(3, '$').nth(2).unwrap().to_owned();
        let told = without.check(&[scheme]).unwrap_err().to_string();
        assert!(told.contains(&id), "{told}");
        let failed = without.verify(&right, Some(&hash)).await.unwrap_err();
        assert!(matches!(&failed, Fault::MissingPepper { key_id, .. } if *key_id == id), "{failed:?}");
    }
    // The same salt and password without the pepper make another hash.
    let bare = hash.replace(&format!(",keyid={id}"), "");
    assert!(!hasher(&WEAK, 1).verify(&right, Some(&bare)).await.unwrap().right);
}

/// A person types decomposed letters; whoever hashed before did not normalise.
#[tokio::test]
async fn a_hash_of_a_password_as_it_was_typed_verifies_and_is_outdated() {
    let hasher = hasher(&WEAK, 1);
    let typed = "cafe\u{301} au lait, s'il vous plai\u{302}t";
    let mut memory = memory::Memory::default();
    let Scheme::Argon(argon) = &hasher.shared.scheme else { panic!() };
    let mut output = vec![0; 32];
    argon.compute(typed.as_bytes(), &[7; 16], &mut output, &Peppers::default(), &mut memory).unwrap();
    let hash = Stored { scheme: hasher.shared.scheme.clone(), salts: vec![vec![7; 16]], output }.to_string();
    let verified = hasher.verify(&password(typed), Some(&hash)).await.unwrap();
    assert!(verified.right && verified.outdated);
    let verified = hasher.verify(&password("caf\u{e9} au lait"), Some(&hash)).await.unwrap();
    assert!(!verified.right);
}

#[tokio::test]
async fn what_the_dearest_scheme_costs_is_found_out_and_ours_costs_nothing_more() {
    let hasher = hasher(&WEAK, 1);
    let own = hasher.shared.scheme.to_string();
    assert_eq!(hasher.dearest(std::slice::from_ref(&own)).await.unwrap(), None);
    let schemes = [own, "$2b$06".to_owned(), "$2a$08".to_owned(), "of no kind".to_owned()];
    let dearest = hasher.dearest(&schemes).await.unwrap().unwrap();
    // Times on a machine that does other things, too: half as long is not yet another scheme.
    assert!(dearest >= hasher.measure(&Scheme::parse("$2b$06").unwrap()).await.unwrap() / 2);
    // Where others are cheaper, ours is the dearest: an unknown address is answered for by it.
    let strong = Hasher::new(&HasherSettings::default(), 1, Random::system()).unwrap();
    let own = strong.measure(&strong.shared.scheme).await.unwrap();
    let cheap = strong.measure(&Scheme::parse("$2b$04").unwrap()).await.unwrap();
    let dearest = strong.dearest(&["$2b$04".to_owned()]).await.unwrap().unwrap();
    assert!(dearest > cheap && dearest >= own / 2, "{dearest:?} {own:?} {cheap:?}");
    assert_eq!(describe_scheme("$2b$06"), "bcrypt (2b), cost 6");
}
