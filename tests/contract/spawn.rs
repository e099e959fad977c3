use linflow::linstor::{
    Kind, Object,
    model::{SelectFilter, Spawn},
};

use super::cluster::{Cluster, SIZE_KIB, on_each};

/// More than any pool has, and below LINSTOR's own limit of 1 PiB.
const TOO_BIG_KIB: u64 = 1 << 39;

#[tokio::test]
async fn a_spawn_makes_the_definition_its_properties_its_volume_and_its_replica() {
    on_each(|cluster| async move {
        let (group, volume) = (cluster.make_group("whole").await, cluster.volume("whole"));
        let props =
            [("Aux/linflow/driver", "linflow/test"), ("Aux/airflow/run_id", "manual__2026-01-01T00:00:00+00:00")];
        let props = props.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let spawn = Spawn { resource_definition_props: props.clone().into(), ..cluster.spawn_of(&volume) };
        cluster.client.spawn(&group, &spawn).await.unwrap();
        let made = cluster.definition(&volume).await.unwrap();
        for (key, value) in &props {
            assert_eq!(made.prop(key), Some(value.as_str()));
        }
        assert_eq!((made.name.as_str(), made.size_kib(), made.is_deleting()), (volume.as_str(), Some(SIZE_KIB), false));
        assert!(made.resource_group_name.eq_ignore_ascii_case(group.as_str()));
        assert_eq!(made.layers().collect::<Vec<_>>(), cluster.layers);
        let seen = cluster.await_view(&volume, |seen| seen.iter().any(|one| one.device_path(0).is_some())).await;
        let [replica] = seen.as_slice() else { panic!("one replica was asked for: {seen:#?}") };
        assert_eq!(replica.node_name, cluster.node().as_str());
        assert!(replica.is_live() && !replica.is_diskless() && !replica.is_deleting(), "{replica:#?}");
        assert_eq!(replica.volume(0).unwrap().storage_pool_name, cluster.pool.as_str());
        assert!(replica.device_path(0).unwrap().starts_with("/dev/"));
    })
    .await;
}

#[tokio::test]
async fn property_values_of_250_characters_of_any_script_come_back_as_they_went() {
    on_each(|cluster| async move {
        let (group, volume) = (cluster.make_group("utf8").await, cluster.volume("utf8"));
        let long = |text: &str| text.chars().cycle().take(250).collect::<String>();
        let values = [
            long("données_été/"),
            long("日次集計 "),
            long("🚀🜁"),
            long("a=b&c%20+,;'\"\\{}<>|?*#"),
            "e\u{301} and é stay different".to_owned(),
        ];
        let props = values
            .iter()
            .enumerate()
            .map(|(number, value)| (format!("Aux/airflow/v{number}"), value.trim().to_owned()));
        let props: std::collections::BTreeMap<_, _> = props.collect();
        let spawn = Spawn { resource_definition_props: props.clone(), ..cluster.spawn_of(&volume) };
        cluster.client.spawn(&group, &spawn).await.unwrap();
        let kept = cluster.definition(&volume).await.unwrap();
        for (key, value) in &props {
            assert_eq!(kept.prop(key), Some(value.as_str()), "{key}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_second_spawn_of_a_name_is_refused_as_existing_and_the_first_stays() {
    on_each(|cluster| async move {
        let (group, volume) = (cluster.make_group("dup").await, cluster.volume("dup"));
        cluster.client.spawn(&group, &cluster.spawn_of(&volume)).await.unwrap();
        let first = cluster.definition(&volume).await.unwrap();
        let props = [("Aux/linflow/driver".to_owned(), "the second".to_owned())].into();
        let second = Spawn { resource_definition_props: props, ..cluster.spawn_of(&volume) };
        let refused = cluster.client.spawn(&group, &second).await.unwrap_err();
        assert_eq!(refused.kind(), Some(Kind::Exists(Object::Definition)), "{refused}");
        let kept = cluster.definition(&volume).await.unwrap();
        assert_eq!((&kept.uuid, kept.prop("Aux/linflow/driver")), (&first.uuid, None));
    })
    .await;
}

#[tokio::test]
async fn a_spawn_that_is_too_big_is_refused_and_leaves_no_definition() {
    on_each(|cluster| async move {
        let volume = cluster.volume("big");
        let spawn = Spawn { volume_sizes: vec![TOO_BIG_KIB], ..cluster.spawn_of(&volume) };
        refuse_without_a_trace(&cluster, "big", &spawn).await;
    })
    .await;
}

#[tokio::test]
async fn a_spawn_of_too_many_replicas_is_refused_and_leaves_no_definition() {
    on_each(|cluster| async move {
        let volume = cluster.volume("many");
        let count = u32::try_from(cluster.nodes.len()).unwrap() + 1;
        let filter = SelectFilter { place_count: Some(count), ..SelectFilter::default() };
        let spawn = Spawn { select_filter: Some(filter), ..cluster.spawn_of(&volume) };
        refuse_without_a_trace(&cluster, "many", &spawn).await;
    })
    .await;
}

#[tokio::test]
async fn a_spawn_from_a_group_that_is_not_there_is_refused_and_leaves_no_definition() {
    on_each(|cluster| async move {
        let (missing, volume) = (cluster.group_name("missing"), cluster.volume("nogroup"));
        let refused = cluster.client.spawn(&missing, &cluster.spawn_of(&volume)).await.unwrap_err();
        assert_eq!(refused.kind(), Some(Kind::NotFound(Object::Group)), "{refused}");
        assert_eq!(cluster.definition(&volume).await, None);
    })
    .await;
}

async fn refuse_without_a_trace(cluster: &Cluster, label: &str, spawn: &Spawn) {
    let group = cluster.make_group(label).await;
    let refused = cluster.client.spawn(&group, spawn).await.unwrap_err();
    assert_eq!(refused.kind(), Some(Kind::NotEnoughNodes), "{refused}");
    assert_eq!(cluster.definition(&spawn.resource_definition_name).await, None);
}
