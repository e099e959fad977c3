use super::*;
use proptest::prelude::*;

fn parse(fs_type: FsType, text: &str) -> Result<String, OptionError> {
    MkfsOptions::parse(fs_type, text).map(|options| options.to_string())
}

#[test]
fn what_shapes_a_filesystem_is_passed_on_with_each_flag_once() {
    let ext4 = "-b 4096 -E stride=16 -i16384 -E 'stripe_width=64,discard' -O ^orphan_file,quota -J size=64";
    let shown = "-E stride=16,stripe_width=64,discard -J size=64 -O ^orphan_file,quota -b 4096 -i 16384";
    assert_eq!(parse(FsType::Ext4, ext4).unwrap(), shown);
    let xfs = "-d su=64k,sw=4 -i size=512 -l size=64m -m reflink=0,rmapbt=1 -s size=4096";
    assert_eq!(parse(FsType::Xfs, xfs).unwrap(), xfs);
    assert_eq!(parse(FsType::Xfs, "-K -f -q").unwrap(), "");
    assert_eq!(parse(FsType::Ext4, "-F \t -q -E nodiscard").unwrap(), "-E nodiscard");
}

#[test]
fn our_identity_and_mark_are_not_for_a_class_to_set() {
    for (fs_type, text) in [
        (FsType::Ext4, "-L mine"),
        (FsType::Ext4, "-Urandom"),
        (FsType::Xfs, "-L mine"),
        (FsType::Xfs, "-m uuid=00000000-0000-0000-0000-000000000000"),
    ] {
        let refused = parse(fs_type, text).unwrap_err();
        assert!(matches!(refused, OptionError::Ours { .. }), "{text}: {refused}");
    }
}

#[test]
fn what_endangers_data_or_is_unknown_is_refused_by_name_with_what_is_allowed() {
    for (fs_type, text, named) in [
        (FsType::Ext4, "-O ^has_journal", "-O ^has_journal"),
        (FsType::Ext4, "-J device=/dev/x", "-J device=/dev/x"),
        (FsType::Ext4, "-E lazy_journal_init=1", "-E lazy_journal_init=1"),
        (FsType::Ext4, "-E stride=16,offset=512", "-E offset=512"),
        (FsType::Ext4, "-E assume_storage_prezeroed=1", "-E assume_storage_prezeroed=1"),
        (FsType::Ext4, "-n", "-n"),
        (FsType::Ext4, "-d /etc", "-d"),
        (FsType::Ext4, "-b", "-b"),
        (FsType::Ext4, "-b 8192", "-b 8192"),
        (FsType::Ext4, "/dev/sda", "/dev/sda"),
        (FsType::Ext4, "-qn", "-qn"),
        (FsType::Ext4, "--", "--"),
        (FsType::Ext4, "", ""),
        (FsType::Xfs, "-l logdev=/dev/x", "-l logdev=/dev/x"),
        (FsType::Xfs, "-d file=1", "-d file=1"),
        (FsType::Xfs, "-d size=1g", "-d size=1g"),
        (FsType::Xfs, "-p proto", "-p"),
        (FsType::Xfs, "-m crc=0", "-m crc=0"),
        (FsType::Xfs, "-c options=/etc/x", "-c"),
        (FsType::Xfs, "-r rtdev=/dev/x", "-r"),
        (FsType::Xfs, "-N", "-N"),
        (FsType::Xfs, "-d su=$(reboot)", "-d su=$(reboot)"),
    ] {
        match parse(fs_type, text) {
            Ok(shown) => assert_eq!((text, shown.as_str()), ("", ""), "allowed"),
            Err(OptionError::NotAllowed { option, allowed, .. }) => {
                assert!(named.starts_with(&option) || option == named, "{text}: {option}");
                assert!(allowed.contains("-b"), "{allowed}");
            }
            Err(other) => panic!("{text}: {other}"),
        }
    }
}

#[test]
fn one_thing_set_twice_is_refused() {
    for text in ["-E discard,nodiscard", "-E stride=1 -E stride=2", "-m 0 -m 1", "-O quota,quota"] {
        assert!(matches!(parse(FsType::Ext4, text), Err(OptionError::Twice { .. })), "{text}");
    }
    assert!(matches!(parse(FsType::Ext4, &"-q ".repeat(171)), Err(OptionError::TooLong { .. })));
}

#[test]
fn defaults_stand_where_the_class_says_nothing_else() {
    let defaults = [('m', "0"), ('E', "nodiscard"), ('E', "lazy_itable_init=1")];
    let options = MkfsOptions::parse(FsType::Ext4, "-E discard,stride=4 -m 3").unwrap();
    assert_eq!(options.arguments(&defaults), ["-E", "discard,stride=4,lazy_itable_init=1", "-m", "3"]);
    let none = MkfsOptions::none(FsType::Ext4);
    assert_eq!(none.arguments(&defaults), ["-E", "nodiscard,lazy_itable_init=1", "-m", "0"]);
}

/// Anything that the tables allow.
fn allowed(fs_type: FsType) -> impl Strategy<Value = String> {
    let one = (0..flags(fs_type).len(), any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1024_u64..65536);
    let one = one.prop_map(move |(flag, entry, word, number)| {
        let flag = &flags(fs_type)[flag];
        let entry = entry.get(flag.entries);
        let value = match entry.value {
            Value::None => String::new(),
            Value::Number(least, most) => number.clamp(least, most).to_string(),
            Value::Size => format!("{number}k"),
            Value::Among(words) => (*word.get(words)).to_owned(),
        };
        let joint = if entry.name.is_empty() || value.is_empty() { "" } else { "=" };
        format!("-{} {}{joint}{value}", flag.letter, entry.name)
    });
    prop::collection::vec(one, 0..6).prop_map(|all| all.join(" "))
}

proptest! {
    #[test]
    fn what_was_understood_is_shown_so_that_it_is_understood_the_same(
        text in prop_oneof![allowed(FsType::Ext4), allowed(FsType::Xfs)],
        fs_type in prop_oneof![Just(FsType::Ext4), Just(FsType::Xfs)],
    ) {
        if let Ok(options) = MkfsOptions::parse(fs_type, &text) {
            prop_assert_eq!(MkfsOptions::parse(fs_type, &options.to_string()), Ok(options));
        }
    }

    #[test]
    fn each_allowed_option_alone_is_understood(text in allowed(FsType::Xfs)) {
        let refused = MkfsOptions::parse(FsType::Xfs, &text).err();
        let is_fine = matches!(refused, None | Some(OptionError::Twice { .. }));
        prop_assert!(is_fine, "{} {:?}", text, refused);
    }

    #[test]
    fn noise_never_reaches_mkfs(noise in "[ -~]{0,40}") {
        if let Ok(options) = MkfsOptions::parse(FsType::Ext4, &noise) {
            for argument in options.arguments(&[]) {
                prop_assert!(argument.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-=,^_".contains(&byte)));
            }
        }
    }
}
