use linflow::linstor::name::NodeName;

use super::cluster::on_each;

#[tokio::test]
async fn a_definition_goes_with_its_resources_and_to_delete_it_again_is_fine() {
    on_each(|cluster| async move {
        let volume = cluster.make_volume("gone").await;
        let replies = cluster.client.delete_definition(&volume).await.unwrap();
        assert!(!replies.was_not_found(), "{replies:?}");
        assert_eq!(cluster.definition(&volume).await, None);
        assert!(cluster.view(&[&volume], &[]).await.is_empty());
        let replies = cluster.client.delete_definition(&volume).await.unwrap();
        assert!(replies.was_not_found(), "{replies:?}");
    })
    .await;
}

#[tokio::test]
async fn a_name_is_free_again_after_its_definition_went() {
    on_each(|cluster| async move {
        let (group, volume) = (cluster.make_group("reuse").await, cluster.volume("reuse"));
        cluster.client.spawn(&group, &cluster.spawn_of(&volume)).await.unwrap();
        let first = cluster.definition(&volume).await.unwrap();
        cluster.client.delete_definition(&volume).await.unwrap();
        cluster.client.spawn(&group, &cluster.spawn_of(&volume)).await.unwrap();
        assert_ne!(cluster.definition(&volume).await.unwrap().uuid, first.uuid);
    })
    .await;
}

#[tokio::test]
async fn with_drbd_a_client_goes_and_to_delete_it_again_is_fine() {
    on_each(|cluster| async move {
        if !cluster.can("the deletion of a diskless client", 2, true) {
            return;
        }
        let volume = cluster.make_volume("detach").await;
        let client = &cluster.nodes[1];
        cluster.client.make_available(&volume, client, false).await.unwrap();
        cluster.await_view(&volume, |seen| seen.len() == 2).await;
        cluster.client.delete_resource(&volume, client).await.unwrap();
        // One replica alone needs nobody to break a tie.
        cluster.await_view(&volume, |seen| seen.len() == 1 && !seen[0].is_diskless()).await;
        let replies = cluster.client.delete_resource(&volume, client).await.unwrap();
        assert!(replies.was_not_found(), "{replies:?}");
    })
    .await;
}

#[tokio::test]
async fn a_resource_that_is_not_there_is_deleted_with_a_remark() {
    on_each(|cluster| async move {
        let volume = cluster.make_volume("none").await;
        let elsewhere = NodeName::parse(&format!("no-{}", cluster.run())).unwrap();
        let replies = cluster.client.delete_resource(&volume, &elsewhere).await.unwrap();
        assert!(replies.was_not_found(), "{replies:?}");
        let replies = cluster.client.delete_resource(&cluster.volume("never"), cluster.node()).await.unwrap();
        assert!(replies.was_not_found(), "{replies:?}");
        assert_eq!(cluster.view(&[&volume], &[]).await.len(), 1);
    })
    .await;
}
