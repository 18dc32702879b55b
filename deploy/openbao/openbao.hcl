# OpenBao in the stack (compose.openbao.yml): one node, which only its neighbours in the network `manager` reach.

ui           = false
api_addr     = "https://openbao:8200"
cluster_addr = "https://127.0.0.1:8201"

storage "raft" {
  path    = "/openbao/file"
  node_id = "openbao"
}

# The certificate is of an authority that signed this one alone (openbao/setup).
listener "tcp" {
  address         = "0.0.0.0:8200"
  cluster_address = "127.0.0.1:8201"
  tls_cert_file   = "/run/secrets/certificate.pem"
  tls_key_file    = "/run/secrets/key.pem"
  tls_min_version = "tls13"
}

# Who asked for what, with every value as a keyed hash. What cannot be written down is not answered.
audit "file" "file" {
  options {
    file_path = "/openbao/logs/audit.log"
  }
}
