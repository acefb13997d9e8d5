//! Boxes of protection systems, compared with those of shaka-packager for the same key.

use portcullis::cenc::Scheme;
use portcullis::crypto::{ContentKey, Expanded};
use portcullis::drm::playready::{Header, HeaderKey, Object, checksum};
use portcullis::drm::widevine::PsshData;
use portcullis::ids::{KeyId, SystemId};
use portcullis::isobmff::cenc::Pssh;
use portcullis::isobmff::dump::dump;

use crate::support::oracle::{HexKey, encrypted_by_packager_with};
use crate::support::origin::demo;

const KID: &str = "9eb4050de44b4802932e27d75083e266";
const KEY: [u8; 16] = [7; 16];

/// The boxes that the packager writes for its three systems.
fn of_packager(scheme: Scheme) -> Vec<Pssh> {
    let key = HexKey { kid: KID.to_owned(), key: "07".repeat(16) };
    let fourcc = scheme.row().fourcc.to_string();
    let systems = ["--protection_systems", "Widevine,PlayReady,CommonSystem"];
    let flags = [&systems[..], &["--protection_scheme", &fourcc]].concat();
    let media = encrypted_by_packager_with(&demo("gate_h264_180p.mp4"), &key, "video", &flags);
    let nodes = dump(media.as_slice()).unwrap();
    let boxes = nodes.iter().filter(|node| &node.kind.0 == b"pssh");
    boxes.map(|node| Pssh::read(&node.body).unwrap()).collect()
}

#[test]
fn boxes_are_those_of_the_packager() {
    let kid: KeyId = KID.parse().unwrap();
    let sum = checksum(kid, &Expanded::new(&ContentKey::from_bytes(KEY)));
    for scheme in [Scheme::Cenc, Scheme::Cbcs] {
        let header = Header::new(vec![HeaderKey::new(kid, scheme, sum)]);
        let ours = [
            Pssh::common(vec![kid]),
            PsshData::new(&[kid], scheme).pssh(),
            Object::new(&header).pssh().unwrap(),
        ];
        let theirs = of_packager(scheme);
        for ours in ours {
            let theirs = theirs.iter().find(|theirs| theirs.system == ours.system).unwrap();
            if ours.system == SystemId::PLAY_READY {
                let read = |pssh: &Pssh| Object::read(&pssh.data).unwrap().header().unwrap();
                assert_eq!(read(&ours).to_string(), read(theirs).to_string());
            }
            assert_eq!(ours.to_vec(), theirs.to_vec(), "{scheme:?} {:?}", ours.system.name());
        }
    }
}
