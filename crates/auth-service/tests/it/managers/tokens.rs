//! The tokens that OpenBao is asked by: for how long they are good, and how many there are.

use std::collections::BTreeSet;

use secrets::{Keeper, ManagerSettings, SecretRef, VaultAuth, VaultSettings};
use serde_json::{Value, json};

use super::openbao::OpenBao;
use super::{told, vault, write_private};

const POLICY: &str = "path \"kv/data/keyward\" {\n capabilities = [\"read\"]\n}\n";
const OTHER: &str = "path \"kv/data/other\" {\n capabilities = [\"read\"]\n}\n";
const REFERENCE: &str = "vault:kv/keyward#a";

fn keeper(bao: &OpenBao, auth: VaultAuth) -> Keeper {
    let vault = VaultSettings {
        address: bao.address.parse().unwrap(),
        namespace: None,
        root_certificate: Some(bao.certificate()),
        auth,
    };
    Keeper::new(ManagerSettings { vault: Some(vault), ..ManagerSettings::default() })
}

/// How many tokens live that AppRole has given out.
fn sign_ins(bao: &OpenBao) -> usize {
    let accessors = bao.bao(&["list", "-format=json", "auth/token/accessors"]);
    let accessors: Vec<String> = serde_json::from_str(&accessors).unwrap();
    let of_role = |accessor: &&String| {
        bao.bao(&["token", "lookup", "-field=display_name", "-accessor", accessor]) == "approle"
    };
    accessors.iter().filter(of_role).count()
}

#[tokio::test]
async fn a_policy_that_is_withdrawn_costs_no_other_sign_in() {
    let Some(bao) = OpenBao::start() else { return };
    vault::put(&bao, "kv/keyward", &json!({ "a": "b" }));
    let (role_id, secret_id) = bao.role("keyward", POLICY);
    let mount = "approle".to_owned();
    let auth = VaultAuth::AppRole { mount, role_id, secret_id: SecretRef::File(secret_id) };
    let keeper = keeper(&bao, auth);
    assert_eq!(told(&keeper, REFERENCE).await.unwrap(), "b");
    bao.write_policy("keyward", OTHER);
    for _ in 0..3 {
        let (kind, sentence) = told(&keeper.anew(), REFERENCE).await.unwrap_err();
        assert_eq!(kind, "denied", "{sentence}");
    }
    assert_eq!(sign_ins(&bao), 1);
    bao.write_policy("keyward", POLICY);
    assert_eq!(told(&keeper.anew(), REFERENCE).await.unwrap(), "b");
    assert_eq!(sign_ins(&bao), 1);
}

#[tokio::test]
async fn a_token_from_a_file_is_renewed_like_one_of_our_own() {
    let Some(bao) = OpenBao::start() else { return };
    vault::put(&bao, "kv/keyward", &json!({ "a": "b" }));
    bao.write_policy("keyward", POLICY);
    let file = bao.folder.path().join("token");
    let made = bao.bao(&["token", "create", "-policy=keyward", "-ttl=9s", "-format=json"]);
    let made: Value = serde_json::from_str(&made).unwrap();
    let [token, accessor] = ["client_token", "accessor"].map(|name| made["auth"][name].as_str().unwrap());
    write_private(&file, token);
    let auth = VaultAuth::Token(SecretRef::File(file.clone()));
    let one = keeper(&bao, auth.clone());
    // The second time its first life is over.
    let mut renewed = BTreeSet::new();
    while renewed.len() < 2 {
        assert_eq!(told(&one.anew(), REFERENCE).await.unwrap(), "b");
        let known = bao.bao(&["token", "lookup", "-format=json", "-accessor", accessor]);
        let known: Value = serde_json::from_str(&known).unwrap();
        renewed.extend(known["data"]["last_renewal_time"].as_u64());
    }

    // One that may not look itself up is asked by all the same.
    let mute = ["token", "create", "-no-default-policy", "-policy=keyward", "-field=token"];
    write_private(&file, &bao.bao(&mute));
    assert_eq!(told(&keeper(&bao, auth), REFERENCE).await.unwrap(), "b");
}
