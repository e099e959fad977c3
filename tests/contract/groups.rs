use linflow::linstor::{
    Kind, Object,
    model::{NewResourceGroup, SelectFilter, SizeQuery},
};

use super::cluster::{Cluster, SIZE_KIB, on_each};

fn group(cluster: &Cluster, label: &str) -> NewResourceGroup {
    NewResourceGroup {
        name: cluster.group_name(label),
        description: "linflow: placementCount=1 storagePool=ä".to_owned(),
        // LINSTOR drops the properties of a group that is made (recorded), so linflow sends none.
        props: Default::default(),
        select_filter: SelectFilter {
            place_count: Some(1),
            storage_pool_list: vec![cluster.pool.to_string()],
            layer_stack: cluster.layers.clone(),
            ..SelectFilter::default()
        },
    }
}

#[tokio::test]
async fn a_group_is_kept_as_it_was_made() {
    on_each(|cluster| async move {
        let new = group(&cluster, "kept");
        assert_eq!(cluster.client.resource_group(&new.name).await.unwrap(), None);
        cluster.client.create_resource_group(&new).await.unwrap();
        let kept = cluster.client.resource_group(&new.name).await.unwrap().unwrap();
        assert_eq!((kept.name.as_str(), &kept.description), (new.name.as_str(), &new.description));
        assert_eq!(kept.select_filter.place_count, Some(1));
        assert_eq!(kept.select_filter.storage_pool_list, new.select_filter.storage_pool_list);
        assert_eq!(kept.select_filter.layer_stack, cluster.layers);
    })
    .await;
}

#[tokio::test]
async fn a_second_group_of_a_name_is_refused_as_existing_and_the_first_stays() {
    on_each(|cluster| async move {
        let first = group(&cluster, "twice");
        cluster.client.create_resource_group(&first).await.unwrap();
        let second = NewResourceGroup { description: "another".to_owned(), ..first.clone() };
        let refused = cluster.client.create_resource_group(&second).await.unwrap_err();
        assert_eq!(refused.kind(), Some(Kind::Exists(Object::Group)), "{refused}");
        let kept = cluster.client.resource_group(&first.name).await.unwrap().unwrap();
        assert_eq!(kept.description, first.description);
    })
    .await;
}

#[tokio::test]
async fn a_group_says_how_much_would_fit() {
    on_each(|cluster| async move {
        let group = cluster.make_group("size").await;
        let space = cluster.client.query_size(&group, &SizeQuery::default()).await.unwrap();
        assert!(space.max_vlm_size_in_kib >= SIZE_KIB as i64 && space.available_size_in_kib > 0, "{space:?}");
        assert!(space.capacity_in_kib >= space.available_size_in_kib, "{space:?}");
        assert_eq!(space.next_spawn_result.len(), 1, "one replica is asked for: {space:?}");
    })
    .await;
}

#[tokio::test]
async fn nothing_fits_where_more_replicas_are_asked_for_than_there_are_nodes() {
    on_each(|cluster| async move {
        let group = cluster.make_group("many").await;
        let count = u32::try_from(cluster.nodes.len()).unwrap() + 1;
        let filter = SelectFilter { place_count: Some(count), ..SelectFilter::default() };
        let query = SizeQuery { select_filter: Some(filter), ..SizeQuery::default() };
        let space = cluster.client.query_size(&group, &query).await.unwrap();
        assert_eq!(space.max_vlm_size_in_kib, 0, "{space:?}");
    })
    .await;
}

#[tokio::test]
async fn the_space_of_a_group_that_is_not_there_is_refused_in_spite_of_the_200() {
    on_each(|cluster| async move {
        let missing = cluster.group_name("missing");
        let refused = cluster.client.query_size(&missing, &SizeQuery::default()).await.unwrap_err();
        assert_eq!(refused.kind(), Some(Kind::NotFound(Object::Group)), "{refused}");
    })
    .await;
}
