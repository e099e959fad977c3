use super::*;
use std::os::unix::fs::symlink;

#[test]
fn links_above_a_path_are_resolved_and_the_path_itself_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let real = directory.path().canonicalize().unwrap().join("real");
    fs::create_dir(&real).unwrap();
    symlink(&real, directory.path().join("link")).unwrap();
    symlink(&real, real.join("target")).unwrap();

    let place = inspect(&directory.path().join("link/target")).unwrap().unwrap();
    assert_eq!(place, Place { path: real.join("target"), kind: Some(PathKind::Symlink) });
    assert_eq!(pin(&place.path).unwrap_err().raw_os_error(), Some(Errno::ELOOP as i32));
    let place = inspect(&directory.path().join("link/none")).unwrap().unwrap();
    assert_eq!(place, Place { path: real.join("none"), kind: None });
    assert_eq!(inspect(&directory.path().join("no/parent")).unwrap(), None);
}

#[test]
fn creating_what_is_there_is_fine_but_not_over_a_link_or_another_kind() {
    let directory = tempfile::tempdir().unwrap();
    let [made, link, file] = ["made", "link", "file"].map(|name| directory.path().join(name));
    symlink(&made, &link).unwrap();
    create_directory(&made).unwrap();
    create_directory(&made).unwrap();
    create_file(&file).unwrap();
    create_file(&file).unwrap();
    for refused in [create_directory(&link), create_directory(&file), create_file(&link), create_file(&made)] {
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }
}

#[test]
fn removing_what_is_gone_is_fine_but_a_directory_with_contents_stays() {
    let directory = tempfile::tempdir().unwrap();
    absent_is_fine(fs::remove_dir(directory.path().join("gone"))).unwrap();
    create_file(&directory.path().join("data")).unwrap();
    assert!(absent_is_fine(fs::remove_dir(directory.path())).is_err());
}
