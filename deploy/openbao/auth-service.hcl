# All that the server may do, but for what the policy `default` lets anybody do with a token of their own.
path "kv/data/keyward/auth-service" {
  capabilities = ["read"]
}
