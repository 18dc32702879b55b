//! What another key sealed is found once, and exchanged if nobody wrote meanwhile.

use domain::MessageId;
use store::artefacts::Artefact;
use store::sealed::{self, Column};
use store::signing_keys::SigningKey;
use store::{artefacts, outbox, signing_keys};
use uuid::Uuid;

use crate::file::{File, NOW};
use crate::rows::{LATER, artefact};

#[tokio::test]
async fn an_envelope_is_exchanged_for_another_unless_somebody_wrote_meanwhile() {
    let file = File::new().await;
    let (old, new) = ([1_u8, 0, 0, 0, 1], [1_u8, 0, 0, 0, 2]);
    let envelope = |header: [u8; 5], rest: u8| [&header[..], &[rest; 40]].concat();
    let mut tx = file.store.begin().await.unwrap();
    for number in 1..=3_u8 {
        let key = SigningKey {
            kid: format!("key {number}"),
            algorithm: "EdDSA".to_owned(),
            private_key: envelope(old, number),
            created_at: 0,
            signs_from: None,
            signs_until: None,
        };
        signing_keys::insert(&mut tx, &key).await.unwrap();
        let id = MessageId(Uuid::from_u128(number.into()));
        outbox::insert(&mut tx, id, "reset_password", &envelope(old, number), NOW, LATER).await.unwrap();
    }
    // Done with, it holds nothing any more.
    outbox::finish(&mut tx, MessageId(Uuid::from_u128(3)), "sent", None, NOW).await.unwrap();
    artefacts::insert(&mut tx, &Artefact { payload: envelope(old, 1), ..artefact(1, None) }).await.unwrap();
    for (column, number) in [(Column::SigningKey, 3), (Column::Mail, 2)] {
        let counted = sealed::count(&mut tx, column).await.unwrap();
        let under = |key_id: &[u8], number| sealed::Counted { key_id: key_id.to_vec(), number, ends: None };
        assert_eq!(counted, [under(&old[1..], number)], "{column:?}");
        let mut found: Vec<(sealed::RowKey, Vec<u8>)> = Vec::new();
        loop {
            let after = found.last().map(|(row, _)| row);
            let mut next = sealed::waiting(&mut tx, column, &new, after, 1).await.unwrap();
            let Some(one) = next.pop() else { break };
            found.push(one);
        }
        assert_eq!(found.len(), usize::try_from(number).unwrap(), "{column:?}");
        let (row, before) = &found[0];
        let (written, anew) = (envelope(old, 9), envelope(new, 1));
        let exchange = async |tx: &mut store::Tx, before: &[u8], after: &[u8]| {
            sealed::exchange(tx, column, row, before, after).await.unwrap()
        };
        assert!(exchange(&mut tx, before, &written).await);
        assert!(!exchange(&mut tx, before, &anew).await, "{column:?}: somebody wrote meanwhile");
        assert!(exchange(&mut tx, &written, &anew).await);
        let left = sealed::waiting(&mut tx, column, &new, None, 10).await.unwrap();
        assert!(left == found[1..], "{column:?}: {left:?}");
    }
    let counted = sealed::count(&mut tx, Column::Artefact).await.unwrap();
    assert_eq!(counted.len(), 1);
    assert_eq!((counted[0].number, counted[0].ends), (1, Some(artefact(1, None).expires_at)));
    assert!(sealed::waiting(&mut tx, Column::Artefact, &new, None, 10).await.unwrap().is_empty());
    for column in Column::ALL {
        sealed::count(&mut tx, column).await.unwrap();
        let nobody = sealed::waiting(&mut tx, column, &old, None, 10).await.unwrap();
        assert!(nobody.len() <= 1, "{column:?}");
        if matches!(column, Column::Code | Column::Successor | Column::Answer) {
            let row = sealed::RowKey::Hash(vec![7; 32]);
            assert!(!sealed::exchange(&mut tx, column, &row, &old, &new).await.unwrap(), "{column:?}");
        }
    }
}
