# All that `migrate` may do: read the password of the user that owns the tables.
path "kv/data/keyward/migrate" {
  capabilities = ["read"]
}

# Another secret id before its own ends (the service `renew-migrate`); one is good in its network alone.
path "auth/approle/role/keyward-migrate/secret-id" {
  capabilities = ["update"]
}
path "auth/approle/role/keyward-migrate/secret-id/lookup" {
  capabilities = ["update"]
}
