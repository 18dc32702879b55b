# All that `migrate` may do: read the password of the user that owns the tables.
path "kv/data/keyward/migrate" {
  capabilities = ["read"]
}
