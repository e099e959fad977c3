use linflow::linstor::{
    Kind, Object,
    model::{AutoPlace, Resource, SelectFilter, ViewQuery},
    name::NodeName,
};

use super::cluster::{SIZE_KIB, on_each};

#[tokio::test]
async fn resources_are_filtered_by_definition_and_by_node() {
    on_each(|cluster| async move {
        let volume = cluster.make_volume("view").await;
        let unknown = NodeName::parse(&format!("no-{}", cluster.run())).unwrap();
        let names = |seen: Vec<Resource>| {
            seen.into_iter().map(|resource| (resource.name, resource.node_name)).collect::<Vec<_>>()
        };
        let here = [(volume.to_string(), cluster.node().to_string())];
        assert_eq!(names(cluster.view(&[&volume], &[]).await), here);
        assert_eq!(names(cluster.view(&[&volume], &[cluster.node()]).await), here);
        assert!(cluster.view(&[&cluster.volume("never")], &[]).await.is_empty());
        // Unlike GET /v1/nodes, this list does not leave unknown nodes out.
        let query = ViewQuery { resources: vec![volume.clone()], nodes: vec![unknown] };
        let refused = cluster.client.resources_view(&query).await.unwrap_err();
        assert_eq!(refused.kind(), Some(Kind::NotFound(Object::Node)), "{refused}");
        if cluster.can("a view of another node", 2, false) {
            assert!(cluster.view(&[&volume], &[&cluster.nodes[1]]).await.is_empty());
        }
    })
    .await;
}

#[tokio::test]
async fn a_volume_that_is_there_is_made_available_again_and_again() {
    on_each(|cluster| async move {
        let volume = cluster.make_volume("again").await;
        let before = cluster.await_view(&volume, |seen| seen[0].device_path(0).is_some()).await;
        for _ in 0..2 {
            cluster.client.make_available(&volume, cluster.node(), false).await.unwrap();
        }
        let after = cluster.view(&[&volume], &[]).await;
        assert_eq!((after.len(), &after[0].uuid), (1, &before[0].uuid));
        assert_eq!(after[0].device_path(0), before[0].device_path(0));
    })
    .await;
}

#[tokio::test]
async fn a_volume_is_not_made_available_on_a_node_that_is_not_there() {
    on_each(|cluster| async move {
        let volume = cluster.make_volume("nonode").await;
        let unknown = NodeName::parse(&format!("no-{}", cluster.run())).unwrap();
        let refused = cluster.client.make_available(&volume, &unknown, false).await.unwrap_err();
        assert_eq!(refused.kind(), Some(Kind::NotFound(Object::Node)), "{refused}");
        assert_eq!(cluster.view(&[&volume], &[]).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_definition_that_is_not_there_is_not_made_available() {
    on_each(|cluster| async move {
        let missing = cluster.volume("missing");
        let refused = cluster.client.make_available(&missing, cluster.node(), false).await.unwrap_err();
        assert_eq!(refused.kind(), Some(Kind::NotFound(Object::Definition)), "{refused}");
        assert_eq!(cluster.definition(&missing).await, None);
    })
    .await;
}

#[tokio::test]
async fn with_drbd_a_node_without_a_replica_becomes_a_diskless_client() {
    on_each(|cluster| async move {
        if !cluster.can("a diskless client", 2, true) {
            return;
        }
        let volume = cluster.make_volume("client").await;
        let client = &cluster.nodes[1];
        cluster.client.make_available(&volume, client, false).await.unwrap();
        let is_client = |one: &Resource| one.node_name == client.as_str() && one.device_path(0).is_some();
        let seen = cluster.await_view(&volume, |seen| seen.iter().any(is_client)).await;
        let made = seen.iter().find(|one| is_client(one)).unwrap();
        assert!(made.is_diskless() && !made.is_tie_breaker(), "{made:#?}");
        assert!(made.device_path(0).unwrap().starts_with("/dev/drbd"));
        assert_eq!(made.in_use(), Some(false));
        assert_eq!(cluster.definition(&volume).await.unwrap().size_kib(), Some(SIZE_KIB));
    })
    .await;
}

#[tokio::test]
async fn with_drbd_two_replicas_on_three_nodes_have_a_tie_breaker_and_quorum() {
    on_each(|cluster| async move {
        if !cluster.can("tie-breaker and quorum", 3, true) {
            return;
        }
        let volume = cluster.make_volume("quorum").await;
        let select_filter = SelectFilter { place_count: Some(2), ..SelectFilter::default() };
        let place = AutoPlace { select_filter, diskless_on_remaining: false };
        cluster.client.autoplace(&volume, &place).await.unwrap();
        let is_whole = |seen: &[Resource]| {
            seen.len() == 3
                && seen.iter().all(|one| one.device_path(0).is_some())
                && seen.iter().any(|one| one.is_tie_breaker())
        };
        let seen = cluster.await_view(&volume, is_whole).await;
        assert_eq!(seen.iter().filter(|one| one.is_diskless()).count(), 1, "{seen:#?}");
        assert!(cluster.definition(&volume).await.unwrap().has_majority_quorum());
        // Enough replicas already: a remark, and no third.
        let replies = cluster.client.autoplace(&volume, &place).await.unwrap();
        assert!(replies.error().is_none());
        assert_eq!(cluster.view(&[&volume], &[]).await.len(), 3);
    })
    .await;
}
