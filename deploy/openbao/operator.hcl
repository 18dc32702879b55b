# What a person may do who looks after the secrets: change them, let a service sign in anew, keep a copy, seal. Who asks has to be in
# the container, as root of the host is by `docker compose exec`.
path "kv/data/keyward/*" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
path "kv/metadata/keyward/*" {
  capabilities = ["read", "list"]
}
path "auth/approle/role/+/secret-id" {
  capabilities = ["update"]
}
path "auth/userpass/users/operator/password" {
  capabilities = ["update"]
}
path "sys/storage/raft/snapshot" {
  capabilities = ["read"]
}
path "sys/seal" {
  capabilities = ["update", "sudo"]
}

# For all else a root token, which takes those who share the key that unseals.
path "sys/generate-root-token/attempt" {
  capabilities = ["create", "read", "update", "delete", "sudo"]
}
path "sys/generate-root-token/update" {
  capabilities = ["create", "update", "sudo"]
}
