use std::collections::BTreeMap;

use linflow::linstor::model::Props;

use super::cluster::on_each;

fn props<const N: usize>(pairs: [(&str, &str); N]) -> Props {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect::<BTreeMap<_, _>>()
}

#[tokio::test]
async fn an_instance_that_was_never_written_is_not_there() {
    on_each(|cluster| async move {
        let instance = cluster.volume("kv");
        assert_eq!(cluster.client.kv(&instance).await.unwrap(), None);
        assert!(!cluster.client.kv_list().await.unwrap().contains_key(instance.as_str()));
        let replies = cluster.client.kv_delete(&instance).await.unwrap();
        assert!(replies.was_not_found(), "{replies:?}");
    })
    .await;
}

#[tokio::test]
async fn pairs_are_merged_and_kept_exactly() {
    on_each(|cluster| async move {
        let instance = cluster.volume("kv");
        let record = r#"{"mode":"single-node-writer","claim":"ü@1"}"#;
        cluster.client.kv_put(&instance, &props([("abc/attach/node-1", record)]), &[]).await.unwrap();
        cluster.client.kv_put(&instance, &props([("abc/formatted", "été")]), &[]).await.unwrap();
        let kept = props([("abc/attach/node-1", record), ("abc/formatted", "été")]);
        assert_eq!(cluster.client.kv(&instance).await.unwrap(), Some(kept.clone()));
        assert_eq!(cluster.client.kv_list().await.unwrap().get(instance.as_str()), Some(&kept));
    })
    .await;
}

#[tokio::test]
async fn keys_are_written_and_removed_in_one_step_and_missing_ones_are_fine() {
    on_each(|cluster| async move {
        let instance = cluster.volume("kv");
        cluster.client.kv_put(&instance, &props([("a", "1"), ("b", "2")]), &[]).await.unwrap();
        let removed = ["a".to_owned(), "never".to_owned()];
        cluster.client.kv_put(&instance, &props([("b", "3"), ("c", "4")]), &removed).await.unwrap();
        assert_eq!(cluster.client.kv(&instance).await.unwrap(), Some(props([("b", "3"), ("c", "4")])));
    })
    .await;
}

#[tokio::test]
async fn an_instance_goes_with_its_last_key_or_as_a_whole() {
    on_each(|cluster| async move {
        let instance = cluster.volume("kv");
        cluster.client.kv_put(&instance, &props([("a", "1")]), &[]).await.unwrap();
        cluster.client.kv_put(&instance, &Props::new(), &["a".to_owned()]).await.unwrap();
        assert_eq!(cluster.client.kv(&instance).await.unwrap(), None);
        cluster.client.kv_put(&instance, &props([("a", "1"), ("b", "2")]), &[]).await.unwrap();
        let replies = cluster.client.kv_delete(&instance).await.unwrap();
        assert!(!replies.was_not_found());
        assert_eq!(cluster.client.kv(&instance).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn writers_of_different_keys_lose_nothing() {
    on_each(|cluster| async move {
        let instance = cluster.volume("kv");
        let writers = (0..24).map(|number| {
            let (client, instance) = (cluster.client.clone(), instance.clone());
            tokio::spawn(async move {
                let pair = [(format!("key-{number}"), number.to_string())].into();
                client.kv_put(&instance, &pair, &[]).await.unwrap();
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        assert_eq!(cluster.client.kv(&instance).await.unwrap().unwrap().len(), 24);
    })
    .await;
}
