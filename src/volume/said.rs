//! What a class said of a volume, kept as a property of its definition from the request that creates it: it tells a
//! repeat from a request that asks for something else, and names what differs.

use std::collections::BTreeMap;

use super::{
    filesystem::{FsType, FsWishes},
    params::{self, ParameterError},
    place::Placement,
    spread::{NODE_LIST, Policy},
};
use crate::linstor::{model::Props, name::NodeName};
use crate::workflow::tag::PARAMETERS;

/// The most characters that are kept: a property of LINSTOR holds 4096.
pub const MAX_SAID: usize = 4096;
const FS_TYPE: &str = "fsType";

/// Parameters, in the spelling of docs/parameters.md, with what they came to. Equal requests say the same, however
/// their class spells it; defaults are among them, so that a later version with other defaults is noticed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Said(BTreeMap<String, String>);

/// What a volume has, and what is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The parameter.
    pub field: &'static str,
    /// What the volume has.
    pub existing: String,
    /// What is asked for.
    pub asked: String,
}

impl Said {
    /// What a request says of its volume. `TooMuch` where it is more than LINSTOR can keep.
    pub fn new(
        placement: &Placement,
        policy: &Policy,
        wishes: Option<&FsWishes>,
        properties: &Props,
    ) -> Result<Self, ParameterError> {
        let mut said: BTreeMap<String, String> = properties.clone();
        let placed = placement.says().into_iter().chain(policy.says());
        said.extend(placed.map(|(key, value)| (key.to_owned(), value)));
        if let Some(wishes) = wishes {
            let post_mount = wishes.post_mount.as_ref().map(ToString::to_string).unwrap_or_default();
            let all = [
                (FS_TYPE, wishes.mkfs.fs_type().to_string()),
                ("fsOpts", wishes.mkfs.to_string()),
                ("mountOpts", wishes.mount.to_string()),
                ("postMountXfsOpts", post_mount),
            ];
            let all = all.into_iter().filter(|(_, value)| !value.is_empty());
            said.extend(all.map(|(key, value)| (key.to_owned(), value)));
        }
        let said = Self(said);
        match said.to_text().chars().count() {
            ..=MAX_SAID => Ok(said),
            more => Err(ParameterError::TooMuch(more)),
        }
    }

    /// The property to write in the creating request.
    pub fn to_property(&self) -> (String, String) {
        (PARAMETERS.to_owned(), self.to_text())
    }

    /// The first parameter in which a volume with these properties differs. None where they don't tell: a volume that
    /// came from elsewhere, such as from a snapshot, is judged by other signs.
    pub fn difference(&self, properties: &Props) -> Option<Difference> {
        self.difference_where(properties, |_| true)
    }

    /// The same of these parameters alone.
    pub fn difference_in(&self, properties: &Props, parameters: &[&str]) -> Option<Difference> {
        self.difference_where(properties, |key| parameters.contains(&key))
    }

    fn difference_where(&self, properties: &Props, counts: impl Fn(&str) -> bool) -> Option<Difference> {
        let kept = Self::read(properties)?;
        let mut keys = self.0.keys().chain(kept.0.keys()).filter(|key| counts(key));
        let differs = keys.find(|key| self.0.get(*key) != kept.0.get(*key))?;
        let show = |said: &Self| said.0.get(differs).cloned();
        Some(match params::find(differs) {
            Some(known) => Difference {
                field: known.key,
                existing: show(&kept).unwrap_or_else(|| "none".to_owned()),
                asked: show(self).unwrap_or_else(|| "none".to_owned()),
            },
            None => {
                let show =
                    |value: Option<String>| value.map_or(format!("no {differs}"), |is| format!("{differs}={is}"));
                Difference {
                    field: "property",
                    existing: show(kept.0.get(differs).cloned()),
                    asked: show(self.0.get(differs).cloned()),
                }
            }
        })
    }

    /// Is there to be a diskless resource on every node, whether the volume is attached there or not?
    pub fn wants_clients(properties: &Props) -> bool {
        Self::read(properties)
            .is_some_and(|said| said.0.get("disklessOnRemaining").is_some_and(|value| value == "true"))
    }

    /// The nodes that the class of a volume lists (`nodeList`); empty: none.
    pub fn listed(properties: &Props) -> Vec<NodeName> {
        let said = Self::read(properties).unwrap_or_default();
        let listed = said.0.get(NODE_LIST).map(String::as_str).unwrap_or_default();
        listed.split(',').filter_map(|name| NodeName::parse(name).ok()).collect()
    }

    /// The same of a volume with that filesystem instead of the default.
    pub fn with_filesystem(mut self, fs_type: FsType) -> Self {
        self.0.insert(FS_TYPE.to_owned(), fs_type.to_string());
        self
    }

    /// The filesystem that a volume was made for; none for a raw block volume, and where it isn't told.
    pub fn fs_type(properties: &Props) -> Option<FsType> {
        Self::read(properties)?.0.get(FS_TYPE)?.parse().ok()
    }

    /// The layers that a volume was made with, top first, separated by commas; none where it isn't told.
    pub fn layers(properties: &Props) -> Option<String> {
        Self::read(properties)?.0.remove("layerList")
    }

    /// How many replicas its class asked for; none where it isn't told.
    pub fn replicas(properties: &Props) -> Option<u32> {
        Self::read(properties)?.0.get("placementCount")?.parse().ok()
    }

    /// The keys of the LINSTOR properties that a volume's class set. Only they have a slash.
    pub fn property_keys(properties: &Props) -> Vec<String> {
        let said = Self::read(properties).unwrap_or_default();
        said.0.into_keys().filter(|key| key.contains('/')).collect()
    }

    /// What is kept with a volume; none where nothing is, or nothing that can be read.
    fn read(properties: &Props) -> Option<Self> {
        serde_json::from_str(properties.get(PARAMETERS)?).ok().map(Self)
    }

    fn to_text(&self) -> String {
        serde_json::to_string(&self.0).expect("a map of text can be written as JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(placement: &Placement, fs_type: Option<FsType>, properties: &[(&str, &str)]) -> Said {
        let properties = properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Said::new(placement, &Policy::default(), fs_type.map(FsWishes::none).as_ref(), &properties).unwrap()
    }

    fn kept(said: &Said) -> Props {
        Props::from([said.to_property()])
    }

    #[test]
    fn a_difference_is_named_by_its_parameter() {
        let two = said(&Placement::default(), Some(FsType::Ext4), &[("Aux/a", "1")]);
        assert_eq!(two.difference(&kept(&two)), None);
        let three = Placement { count: Some(3), ..Placement::default() };
        let difference = said(&three, Some(FsType::Ext4), &[("Aux/a", "1")]).difference(&kept(&two)).unwrap();
        assert_eq!((difference.field, &*difference.existing, &*difference.asked), ("placementCount", "2", "3"));
        let xfs = said(&Placement::default(), Some(FsType::Xfs), &[("Aux/a", "1")]).difference(&kept(&two)).unwrap();
        assert_eq!((xfs.field, &*xfs.existing, &*xfs.asked), ("fsType", "ext4", "xfs"));
        let without = said(&Placement::default(), Some(FsType::Ext4), &[]).difference(&kept(&two)).unwrap();
        assert_eq!((without.field, &*without.existing, &*without.asked), ("property", "Aux/a=1", "no Aux/a"));
    }

    #[test]
    fn a_default_that_is_spelt_out_is_no_difference() {
        let spelt = Placement { count: Some(2), ..Placement::default() };
        assert_eq!(said(&spelt, None, &[]), said(&Placement::default(), None, &[]));
    }

    #[test]
    fn a_volume_that_tells_nothing_is_not_judged_by_it() {
        let said = said(&Placement::default(), None, &[]);
        assert_eq!(said.difference(&Props::new()), None);
        assert_eq!(said.difference(&Props::from([(PARAMETERS.to_owned(), "{".to_owned())])), None);
    }

    #[test]
    fn more_than_linstor_can_keep_is_refused() {
        let properties = Props::from([("Aux/a".to_owned(), "a".repeat(4096))]);
        let refused = Said::new(&Placement::default(), &Policy::default(), None, &properties);
        assert!(matches!(refused, Err(ParameterError::TooMuch(4097..))));
    }
}
