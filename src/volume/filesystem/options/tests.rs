use super::*;
use proptest::prelude::*;

fn parse(flags: &[&str]) -> Result<MountOptions, OptionError> {
    MountOptions::parse_flags(&flags.iter().map(|flag| (*flag).to_owned()).collect::<Vec<_>>())
}

#[test]
fn allowed_flags_become_attributes_and_data() {
    let options = parse(&["noatime", "discard", "ro", "context=\"system_u:object_r:t:s0:c1,c2\""]).unwrap();
    assert_eq!(options.attributes, [Attribute::ReadOnly, Attribute::NoAtime].into());
    assert_eq!(options.data(FsType::Ext4), "noload,discard,context=\"system_u:object_r:t:s0:c1,c2\"");
    assert_eq!(options.data(FsType::Xfs), "nouuid,norecovery,discard,context=\"system_u:object_r:t:s0:c1,c2\"");
    assert_eq!(parse(&[]).unwrap().data(FsType::Xfs), "nouuid");
}

#[test]
fn a_class_writes_them_as_a_list_with_labels_in_quotes() {
    let text = "noatime, logbufs=8,context=\"u:r:t:s0:c1,c2\",logbsize=256k";
    let options = MountOptions::parse(text).unwrap();
    assert_eq!(options.data(FsType::Xfs), "nouuid,logbsize=256k,logbufs=8,context=\"u:r:t:s0:c1,c2\"");
    assert_eq!(options.to_string(), "noatime,logbsize=256k,logbufs=8,context=\"u:r:t:s0:c1,c2\"");
    assert_eq!(MountOptions::parse(" ").unwrap(), MountOptions::default());
    assert!(matches!(MountOptions::parse("context=\"u:r"), Err(OptionError::OpenQuote(_))));
    assert!(matches!(MountOptions::parse(&"rw,".repeat(200)), Err(OptionError::TooLong { .. })));
}

#[test]
fn any_other_flag_is_refused_by_name() {
    for bad in [
        "",
        "noload",
        "norecovery",
        "nobarrier",
        "barrier=0",
        "data=writeback",
        "errors=panic",
        "errors=continue",
        "commit=0",
        "noauto_da_alloc",
        "journal_dev=8",
        "logdev=/dev/x",
        "noatime,suid",
        "context=",
        "context=a\",logdev=/x",
        "_netdev",
    ] {
        match parse(&["noatime", bad]) {
            Err(OptionError::NotAllowed { option, allowed, .. }) => {
                assert_eq!(option, bad);
                assert!(allowed.contains("noatime") && allowed.contains("data=ordered|journal"), "{allowed}");
            }
            other => panic!("{bad}: {other:?}"),
        }
    }
}

#[test]
fn contradictions_are_refused() {
    for pair in [["context=a:b", "context=c:d"], ["discard", "nodiscard"], ["commit=5", "commit=6"]] {
        assert!(matches!(parse(&pair), Err(OptionError::Twice { .. })), "{pair:?}");
    }
    assert!(parse(&["commit=5", "commit=5"]).is_ok());
}

#[test]
fn other_selinux_options_are_refused_by_name_with_the_one_to_use() {
    for option in ["fscontext=a:b", "defcontext=a:b", "rootcontext=a:b"] {
        let refused = parse(&[option]).unwrap_err().to_string();
        assert!(refused.contains(option) && refused.contains("use context=LABEL"), "{refused}");
    }
}

#[test]
fn an_option_of_the_other_filesystem_is_refused_before_the_kernel_answers_einval() {
    let options = parse(&["discard", "logbufs=8"]).unwrap();
    assert_eq!(options.fit(FsType::Xfs), Ok(()));
    let refused = OptionError::OtherFilesystem { option: "logbufs=8".into(), fs_type: FsType::Ext4 };
    assert_eq!(options.fit(FsType::Ext4), Err(refused));
}

#[test]
fn a_capability_prevails_over_its_class() {
    let class = MountOptions::parse("discard,commit=5,nosuid,context=a:b").unwrap();
    let closer = parse(&["nodiscard", "noexec", "context=c:d"]).unwrap();
    assert_eq!(class.with(closer).to_string(), "nosuid,noexec,commit=5,nodiscard,context=\"c:d\"");
}

#[test]
fn staging_is_read_write_unless_the_volume_is_read_only() {
    let options = parse(&["ro", "nosuid"]).unwrap();
    assert_eq!(options.clone().for_staging(false).attributes, [Attribute::NoSuid].into());
    assert!(options.for_staging(true).attributes.contains(&Attribute::ReadOnly));
}

proptest! {
    #[test]
    fn what_was_understood_is_shown_so_that_it_is_understood_the_same(
        parts in prop::collection::vec(
            prop_oneof![
                Just("ro"), Just("noexec"), Just("discard"), Just("commit=5"), Just("logbsize=64k"), Just("rw"),
                Just("context=\"a:b:s0:c1,c2\""), Just("errors=remount-ro"), Just("suid"),
            ],
            0..6,
        ),
    ) {
        if let Ok(options) = MountOptions::parse(&parts.join(",")) {
            prop_assert_eq!(MountOptions::parse(&options.to_string()), Ok(options));
        }
    }

    #[test]
    fn noise_never_reaches_mount(noise in "[ -~]{0,30}") {
        if let Ok(options) = MountOptions::parse(&noise) {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-=,:_.\"".contains(&byte);
            prop_assert!(options.data(FsType::Ext4).bytes().all(allowed));
        }
    }
}
