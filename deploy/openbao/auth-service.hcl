# All that the server may do, but for what the policy `default` lets anybody do with a token of their own.
path "kv/data/keyward/auth-service" {
  capabilities = ["read"]
}

# Another secret id before its own ends (the service `renew-auth-service`); one is good in its network alone.
path "auth/approle/role/keyward-auth-service/secret-id" {
  capabilities = ["update"]
}
path "auth/approle/role/keyward-auth-service/secret-id/lookup" {
  capabilities = ["update"]
}
