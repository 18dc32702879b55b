//! Every metric there is: what it is called, what it counts, and which labels it has.

/// A metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Its name, without the `_total` that the format adds to a counter's.
    pub name: &'static str,
    /// What it is.
    pub sort: Sort,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it says, in a sentence without its full stop.
    pub help: &'static str,
}

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// It only grows, from the start of the process on.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How often a duration, in seconds, fell into each bucket.
    Histogram,
}

impl Family {
    /// The name as it is scraped and asked for; a histogram's is followed by `_bucket`, `_sum` or `_count`.
    pub fn full_name(&self) -> String {
        let end = if self.sort == Sort::Counter { "_total" } else { "" };
        format!("{}{end}", self.name)
    }
}

macro_rules! families {
    ($($constant:ident = $sort:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(
            #[doc = $help]
            pub(super) const $constant: Family =
                Family { name: $name, sort: Sort::$sort, labels: &[$($label),*], help: $help };
        )*
        /// All of them, in the order in which they are told.
        pub const ALL: &[Family] = &[$($constant),*];
    };
}

families! {
    BUILD_INFO = Gauge "keyward_build_info" ["version", "revision"]
        "Always 1; the labels say which build of Keyward this is";
    PHASE = Gauge "keyward_phase" ["phase"]
        "1 for the phase that the server is in, 0 for the others";
    REQUESTS = Histogram "keyward_http_request_duration_seconds" ["method", "route", "status"]
        "How long requests took to be answered, from their head to the head of the answer, by template of the route and class of status";
    HASHING_THREADS = Gauge "keyward_hashing_threads" []
        "How many passwords can be hashed at once";
    HASHING_WAITING = Gauge "keyward_hashing_waiting" []
        "Passwords that wait to be hashed";
    HASHING_RUNNING = Gauge "keyward_hashing_running" []
        "Passwords that are being hashed";
    HASHING_TURNED_AWAY = Counter "keyward_hashing_turned_away" []
        "Requests that were answered 503 because the wait for a hash would have been too long";
    HASHING_GIVEN_UP = Counter "keyward_hashing_given_up" []
        "Hashes that were given up before they began because nobody waited for them any more";
    HASHING_DECOYS = Counter "keyward_hashing_decoys" []
        "Hashes that were computed beside the one asked for, so that time does not tell kinds of hash apart; none while all are made as new ones are";
    HASHING_UNUSABLE = Counter "keyward_hashing_unusable" []
        "Passwords that were shown for accounts whose hash cannot be verified here, and were answered as wrong ones: the log says why";
    HASHING_WAIT = Histogram "keyward_hashing_wait_seconds" []
        "How long passwords waited to be hashed";
    HASHING_TIME = Histogram "keyward_hashing_time_seconds" []
        "How long hashing took once it had begun";
    SESSIONS_OPENED = Counter "keyward_sessions_opened" ["proof"]
        "Sessions that were opened, by the last proof that was asked for";
    TOKENS_ISSUED = Counter "keyward_tokens_issued" ["grant"]
        "Answers with tokens, by the grant that an app exchanged for them";
    REFUSALS = Counter "keyward_limiter_refusals" ["budget"]
        "Tries that the limiter turned away, by the budget that was spent";
    MAILS = Counter "keyward_mails" ["outcome"]
        "Tries of this process to send a mail, by what came of them";
    OUTBOX_WAITING = Gauge "keyward_outbox_waiting" []
        "Mails in the database that are to be sent";
    OUTBOX_OLDEST = Gauge "keyward_outbox_oldest_seconds" []
        "For how long the oldest of them has waited";
    NOTICES_WAITING = Gauge "keyward_logout_notices_waiting" []
        "Words for apps about sign-outs that are to be sent";
    AUDIT_UNSEALED = Gauge "keyward_audit_unsealed" []
        "Entries of the audit trail that are to be sealed";
    AUDIT_LAG = Gauge "keyward_audit_lag_seconds" []
        "For how long the oldest of them has waited";
    DATABASE_UP = Gauge "keyward_database_up" []
        "1 if the database answered when these metrics were asked for, else 0; then what is in it is not told";
    DATABASE_LOOK = Gauge "keyward_database_look_seconds" []
        "How long one look at the database took then, with the wait for a connection";
    DATABASE_STATEMENTS = Counter "keyward_database_statements" ["database"]
        "Statements that the database was asked, those that begin and end transactions apart";
    DATABASE_CONNECTIONS_MAXIMUM = Gauge "keyward_database_connections_maximum" []
        "Connections to the database at the most, beside two of the server's own; of SQLite those that only read";
    DATABASE_CONNECTIONS = Gauge "keyward_database_connections" ["state"]
        "Connections that are open, by whether somebody uses them";
    DATABASE_CONNECTIONS_WAITING = Gauge "keyward_database_connections_waiting" []
        "Who waits for a connection to the database";
    TRACE_SPANS = Counter "keyward_trace_spans" ["outcome"]
        "Spans that were recorded, by what became of them: sent to the collector, dropped because too many waited, or failed because it did not take them";
    SECRET_STALE = Gauge "keyward_secret_stale_seconds" ["setting"]
        "For how long nobody has seen that what is in force is what is kept in its place: no longer than between two looks, unless that cannot be read, or something else is kept there";
    SECRET_WAITING = Gauge "keyward_secret_waiting" ["setting"]
        "1 while another secret is kept there than is in force, because it was refused or waits for a start, else 0";
    SECRET_CHANGES = Counter "keyward_secret_changes" ["setting", "outcome"]
        "Changed secrets that were seen while the server ran, by whether they were taken or refused";
    SECRET_ID_EXPIRES = Gauge "keyward_secret_id_expires_seconds" []
        "How long until the secret id ends by which Vault or OpenBao was signed in to last; not told where it does not end, or where its policy lets nobody look";
    SEALED_VALUES = Gauge "keyward_sealed_values" ["table", "key"]
        "Values that are sealed in the database, by whether keys.encryption has sealed them (current), a key before it (older: they are sealed anew, but for mailed codes, which end by themselves), or one that is not here (unknown); counted now and then";
    DEPENDENCY_UP = Gauge "keyward_dependency_up" ["dependency"]
        "1 while what the server needs beside itself answers, else 0";
    DEPENDENCY_LOST = Gauge "keyward_dependency_lost_timestamp_seconds" ["dependency"]
        "Since when it does not answer, in seconds since 1970; 0 while it does";
}
