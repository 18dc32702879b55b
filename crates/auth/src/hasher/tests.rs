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
    max_memory_kib: None,
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

/// Hears what is told as an error, on this thread.
#[derive(Clone, Default)]
struct Errors(Arc<std::sync::Mutex<Vec<String>>>);

impl tracing::Subscriber for Errors {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::ERROR
    }

    fn new_span(&self, _span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn event(&self, event: &tracing::Event<'_>) {
        struct Fields(Vec<String>);
        impl tracing::field::Visit for Fields {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0.push(format!("{field}={value:?}"));
            }
        }
        let mut fields = Fields(Vec::new());
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0.join(" "));
    }

    fn enter(&self, _span: &tracing::span::Id) {}

    fn exit(&self, _span: &tracing::span::Id) {}

    fn record(&self, _span: &tracing::span::Id, _values: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _span: &tracing::span::Id, _follows: &tracing::span::Id) {}
}

/// Issue 5: whoever guesses at an account whose hash cannot be verified here would fill the log.
#[tokio::test]
async fn a_hash_that_cannot_be_verified_here_is_told_once_with_the_id_of_its_pepper() {
    let pepper = Peppers::new(Some(&generate_key_text()), &[]).unwrap();
    let id = pepper.current().unwrap().to_owned();
    let peppered = Hasher::with_peppers(&WEAK, 1, pepper, Random::system()).unwrap();
    let (right, bare) = (password("correct horse battery"), hasher(&WEAK, 1));
    let hashes = [peppered.hash(&right).await.unwrap(), peppered.hash(&right).await.unwrap()];
    let errors = Errors::default();
    // While there is but one subscriber, another test's thread may decide whether it is heard of: of two each is asked.
    let _second = tracing::Dispatch::new(errors.clone());
    let _until_dropped = tracing::subscriber::set_default(errors.clone());
    for hash in [&hashes[0], &hashes[1], &hashes[0]] {
        assert!(peppered.can_verify(hash) && !bare.can_verify(hash));
    }
    for unreadable in ["plain", "$2x$05$", "another"] {
        assert!(!bare.can_verify(unreadable));
    }
    assert!(bare.can_verify(&hashes[0].replace(&format!(",keyid={id}"), "")));
    let told = errors.0.lock().unwrap();
    let of_pepper: Vec<_> = told.iter().filter(|told| told.contains(&id)).collect();
    assert_eq!(of_pepper.len(), 1, "{told:#?}");
    assert!(of_pepper[0].contains("older_peppers"), "{told:#?}");
    let salt = hashes[0].rsplit('$').nth(1).unwrap();
    assert!(told.iter().all(|told| !told.contains(salt)), "no hash is told: {told:#?}");
    assert_eq!(told.iter().filter(|told| told.contains("no kind of hash")).count(), 1, "{told:#?}");
    assert_eq!((bare.metrics().unusable, peppered.metrics().unusable), (6, 0));
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

/// What is computed beside the hash that was asked for is counted; and a kind that nobody knew of counts from its first try on.
#[tokio::test]
async fn a_failure_does_the_work_of_every_kind_and_success_of_its_own() {
    let hasher = hasher(&WEAK, 1);
    let right = password("correct horse battery");
    let ours = hasher.hash(&right).await.unwrap();
    let bcrypt = "$2b$04$VJLAfl2m5MUDHtPx4znuEeGcCT1gLNmVwv1cEbQgLykE5TS6g14Ma";
    let schemes = ["$2b$04", "$2b$05", "of no kind"].map(ToOwned::to_owned);
    let kinds = Arc::new(hasher.kinds(&schemes));
    let alone = Arc::new(hasher.kinds(&[]));
    assert!(kinds.have(bcrypt) && !alone.have(bcrypt));
    let (right, wrong) = (&right, &password("correct horse batter~"));
    for (kinds, tried, hash, is_right, decoys) in [
        (&kinds, wrong, None, false, 2),
        (&kinds, wrong, Some(ours.as_str()), false, 2),
        (&kinds, wrong, Some(bcrypt), false, 2),
        (&kinds, right, Some(ours.as_str()), true, 0),
        (&kinds, right, Some(bcrypt), true, 1),
        (&alone, wrong, None, false, 0),
        (&alone, wrong, Some(ours.as_str()), false, 0),
        (&alone, wrong, Some(bcrypt), false, 1),
    ] {
        let before = hasher.metrics();
        let verified = hasher.verify_among(kinds, tried, hash, true).await.unwrap();
        let after = hasher.metrics();
        assert_eq!((verified.right, after.decoys - before.decoys), (is_right, decoys), "{hash:?}");
        assert_eq!(after.done - before.done, 1, "it is one work of the pool");
        assert_eq!(verified.outdated, hash == Some(bcrypt));
    }
    assert_eq!(describe_scheme("$2b$06"), "bcrypt (2b), cost 6");
}

/// Kinds that are brought in are as many as a failed sign-in may do the work of; what is of a known kind always has room.
#[test]
fn more_kinds_than_there_may_be_are_not_brought_in() {
    let hasher = hasher(&WEAK, 1);
    let mut kinds = hasher.kinds(&[]);
    let foreign = |cost: u32| {
        Foreign::parse(&format!("$argon2id$v=19$m={cost},t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$v0/ZTOxV78xg1TKmyyHLURRHSC4pD5sHY4trgMa37ig"))
            .unwrap()
    };
    let taken = (100..200).filter(|cost| hasher.make_room(&mut kinds, &foreign(*cost)).is_ok()).count();
    assert_eq!((taken, kinds.count()), (MOST_KINDS - 1, MOST_KINDS));
    assert_eq!(hasher.make_room(&mut kinds, &foreign(100)), Ok(()));
    assert_eq!(hasher.make_room(&mut kinds, &foreign(200)), Err(NoRoom::Kinds));
    let quick = Foreign::parse("{SSHA}3exwr8ymwwROCv5SdJv+O1pYL/V4Tykl").unwrap();
    assert_eq!(hasher.make_room(&mut kinds, &quick), Ok(()));
}

/// Issue 5: what hashes from elsewhere take counts as ours do, and what takes more than there is neither comes in nor is tried.
#[tokio::test]
async fn a_hash_takes_no_more_memory_than_all_may() {
    let scrypt = "$scrypt$ln=15,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$v0/ZTOxV78xg1TKmyyHLURRHSC4pD5sHY4trgMa37ig";
    let argon =
        "$argon2id$v=19$m=102400,t=1,p=8$c2FsdHNhbHRzYWx0c2FsdA$v0/ZTOxV78xg1TKmyyHLURRHSC4pD5sHY4trgMa37ig";
    for (hash, kib) in [(scrypt, 32 * 1024 + 3), (argon, 102_400)] {
        let scheme = Stored::parse(hash).unwrap().scheme;
        assert_eq!(scheme.memory_kib(), kib, "{hash}");
        let with = |most| hasher(&HasherSettings { max_memory_kib: Some(most), ..WEAK }, 2);
        let foreign = Foreign::parse(hash).unwrap();
        let (enough, too_little) = (with(u32::try_from(kib).unwrap()), with(u32::try_from(kib).unwrap() - 1));
        let wrong = password("correct horse batter~");
        let mut kinds = enough.kinds(&[]);
        assert_eq!(enough.make_room(&mut kinds, &foreign), Ok(()));
        assert!(enough.can_verify(hash) && !enough.verify(&wrong, Some(hash)).await.unwrap().right);
        // One failure does both, the one after the other, within what there is.
        let kinds = Arc::new(enough.kinds(&[scheme.to_string()]));
        assert_eq!(kinds.count(), 2);
        assert!(!enough.verify_among(&kinds, &wrong, None, false).await.unwrap().right);

        let mut kinds = too_little.kinds(&[scheme.to_string()]);
        assert_eq!(kinds.count(), 1, "no failure does its work");
        let (needed, available) = (kib, kib - 1);
        assert_eq!(too_little.make_room(&mut kinds, &foreign), Err(NoRoom::Memory { needed, available }));
        assert!(!too_little.can_verify(hash));
        let refused = too_little.verify(&wrong, Some(hash)).await.unwrap_err().to_string();
        assert!(refused.contains(&format!("max_memory_kib to {kib} at the least")), "{refused}");
        too_little.check(&[scheme.to_string()]).unwrap();
    }
    // What is usual elsewhere comes in on the smallest machine; what one of ours takes is the least there is.
    assert!(hasher(&WEAK, 1).can_verify(scrypt) && !hasher(&WEAK, 1).can_verify(argon));
    assert!(hasher(&HasherSettings { memory_kib: 51_200, ..WEAK }, 2).can_verify(argon));
}
