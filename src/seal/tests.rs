//! Sealed values open where they belong and nowhere else.

use secrecy::ExposeSecret as _;

use super::pack::STORED;
use super::*;

const PLACE: &str = "application.state:7";

fn master() -> MasterKey {
    MasterKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap()
}

fn sealer(ids: &[i32]) -> Sealer {
    let keys: Vec<_> = ids.iter().map(|id| master().new_data_key(*id).unwrap()).collect();
    Sealer::new(&master(), &keys).unwrap()
}

#[test]
fn what_was_sealed_opens_and_cannot_be_read_before() {
    let sealer = sealer(&[1]);
    for plain in [&b""[..], b"ABCDE1234F", &b"ABCDE1234F ".repeat(50)] {
        let row = sealer.seal(PLACE, plain).unwrap();
        assert!(!row.windows(10).any(|window| window == b"ABCDE1234F"));
        assert_ne!(row, sealer.seal(PLACE, plain).unwrap(), "the nonce is fresh");
        assert_eq!(sealer.open(PLACE, &row).unwrap(), plain);
    }
}

#[test]
fn layout_is_format_key_id_nonce_ciphertext_tag() {
    let row = sealer(&[258]).seal(PLACE, b"abc").unwrap();
    assert_eq!(row[..5], [STORED, 0, 0, 1, 2]);
    assert_eq!(row.len(), 1 + 4 + 12 + 3 + 16);
}

#[test]
fn another_place_and_any_flipped_bit_fail() {
    let sealer = sealer(&[1]);
    let row = sealer.seal(PLACE, b"12345678901").unwrap();
    assert_eq!(sealer.open("application.state:8", &row), Err(SealError::Tampered));
    for at in 0..row.len() {
        let mut altered = row.clone();
        altered[at] ^= 1;
        assert!(sealer.open(PLACE, &altered).is_err(), "byte {at}");
        assert!(sealer.open(PLACE, &row[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn a_new_data_key_takes_over_and_old_rows_still_open() {
    let first = master().new_data_key(1).unwrap();
    let before = Sealer::new(&master(), std::slice::from_ref(&first)).unwrap();
    let old = before.seal(PLACE, b"old").unwrap();

    let after = Sealer::new(&master(), &[master().new_data_key(2).unwrap(), first]).unwrap();
    let new = after.seal(PLACE, b"new").unwrap();
    assert_eq!(after.active_key_id(), Some(2));
    assert_eq!(after.open(PLACE, &old).unwrap(), b"old");
    assert_eq!(after.open(PLACE, &new).unwrap(), b"new");
    assert_eq!(before.open(PLACE, &new), Err(SealError::UnknownDataKey(2)));
    assert_eq!(after.blind_index("pan", "x"), before.blind_index("pan", "x"));
}

#[test]
fn wrapped_keys_open_under_their_master_and_id_only() {
    let wrapped = master().new_data_key(1).unwrap();
    let stranger = MasterKey::generate().unwrap();
    let renumbered = WrappedKey { id: 2, ..wrapped.clone() };
    let error = |master: &MasterKey, keys: &[WrappedKey]| Sealer::new(master, keys).unwrap_err();
    assert_eq!(error(&stranger, std::slice::from_ref(&wrapped)), SealError::DataKey(1));
    assert_eq!(error(&master(), &[renumbered]), SealError::DataKey(2));
    assert_eq!(error(&master(), &[]), SealError::NoDataKey);
    assert_eq!(error(&master(), &[wrapped.clone(), wrapped]), SealError::RepeatedDataKey(1));
}

#[test]
fn compressible_texts_get_smaller_and_random_ones_hardly_larger() {
    let sealer = sealer(&[1]);
    let text = br#"{"loanApplicationId":"a-1","status":"PENDING"},"#.repeat(200);
    let row = sealer.seal(PLACE, &text).unwrap();
    assert!(row.len() < text.len() / 20);
    assert_eq!(sealer.open(PLACE, &row).unwrap(), text);

    let mut random = vec![0; 1000];
    aws_lc_rs::rand::fill(&mut random).unwrap();
    assert_eq!(sealer.seal(PLACE, &random).unwrap().len(), 1000 + 33);
}

#[test]
fn nothing_larger_than_the_bound_is_sealed() {
    assert_eq!(sealer(&[1]).seal(PLACE, &vec![0; MAX_PLAIN + 1]), Err(SealError::TooLarge));
}

#[test]
fn json_round_trips_and_its_errors_quote_nothing() {
    let sealer = sealer(&[1]);
    let value = vec![Masked::new("ABCDE1234F".to_owned())];
    let row = sealer.seal_json(PLACE, &value).unwrap();
    assert_eq!(sealer.open_json::<Vec<Masked<String>>>(PLACE, &row).unwrap(), value);
    assert_eq!(sealer.open(PLACE, &row).unwrap(), br#"["ABCDE1234F"]"#);
    let error = sealer.open_json::<Vec<u64>>(PLACE, &row).unwrap_err();
    assert_eq!(error, SealError::Json { line: 1, column: 13 });
}

#[test]
fn a_blind_index_finds_one_value_of_one_kind() {
    let sealer = sealer(&[1]);
    let pan = sealer.blind_index("pan", "ABCDE1234F");
    assert_eq!(pan, sealer.blind_index("pan", " abcde1234f\n"));
    assert_ne!(pan, sealer.blind_index("pan", "ABCDE1234G"));
    assert_ne!(pan, sealer.blind_index("account", "ABCDE1234F"));
    assert_ne!(pan, sealer.derive("pan"));
    assert_ne!(sealer.derive("a"), sealer.derive("b"));
}

#[test]
fn an_otp_belongs_to_its_session_and_documents() {
    let sealer = sealer(&[1]);
    let key = sealer.otp_key();
    let otp = key.otp("session-1", b"hash");
    assert!(otp.len() == 6 && otp.bytes().all(|digit| digit.is_ascii_digit()));
    assert!(otp_matches(&key.otp("session-1", b"hash"), &otp));
    for other in [key.otp("session-2", b"hash"), key.otp("session-1", b"hasi"), String::new()] {
        assert!(!otp_matches(&other, &otp));
    }
    assert_ne!(key.otp("session-1", b"hash"), key.otp("session-1h", b"ash"));
}

#[test]
fn a_master_key_round_trips_through_base64() {
    let key = MasterKey::generate().unwrap();
    let text = key.to_base64();
    let again = MasterKey::from_base64(&format!("{}\n", text.expose_secret())).unwrap();
    assert_eq!(again.to_base64().expose_secret(), text.expose_secret());
    for bad in ["", "AAEC", "not base64", &format!("AA{}", text.expose_secret())] {
        assert_eq!(MasterKey::from_base64(bad).unwrap_err(), SealError::MasterKey);
    }
}

#[test]
fn nothing_secret_prints() {
    let phone = Masked::new("+919876543210");
    assert_eq!(format!("{phone} {phone:?}"), "*** ***");
    assert_eq!(format!("{:?}", master()), "MasterKey(***)");
    assert_eq!(format!("{:?}", sealer(&[3])), "Sealer { active_key_id: Some(3), .. }");
}

#[test]
fn a_key_that_is_not_due_opens_and_does_not_seal() {
    let (first, second) = (master().new_data_key(1).unwrap(), master().new_data_key(2).unwrap());
    let early = Sealer::new(&master(), &[first.clone(), WrappedKey { active: false, ..second.clone() }]).unwrap();
    let late = Sealer::new(&master(), &[first.clone(), second.clone()]).unwrap();
    assert_eq!((early.active_key_id(), late.active_key_id()), (Some(1), Some(2)));
    assert_eq!(early.open(PLACE, &late.seal(PLACE, b"new").unwrap()).unwrap(), b"new");
    early.reload(&master(), &[second]).unwrap();
    assert_eq!(early.open(PLACE, &late.seal(PLACE, b"new").unwrap()).unwrap(), b"new");
    assert_eq!(early.reload(&MasterKey::generate().unwrap(), &[first]), Err(SealError::DataKey(1)));
    assert_eq!(early.active_key_id(), Some(2), "what was loaded stays");
}

#[test]
fn another_master_key_takes_over_data_keys_and_roots() {
    let next = MasterKey::generate().unwrap();
    let key = master().new_data_key(1).unwrap();
    let before = Sealer::new(&master(), std::slice::from_ref(&key)).unwrap();
    let rewrapped = master().rewrap(&next, &key).unwrap();
    let stored = next.wrap_roots(&master().roots(None).unwrap()).unwrap();
    let roots = next.roots(Some(&stored)).unwrap();
    assert!(before.has_roots(&roots) && !before.has_roots(&next.roots(None).unwrap()));
    let after = Sealer::with_roots(&next, &[rewrapped], roots).unwrap();
    assert_eq!(after.open(PLACE, &before.seal(PLACE, b"old").unwrap()).unwrap(), b"old");
    assert_eq!(after.blind_index("pan", "x"), before.blind_index("pan", "x"));
    assert_eq!(after.otp_key().otp("s", b"h"), before.otp_key().otp("s", b"h"));
    assert!(Sealer::new(&master(), &[next.rewrap(&next, &master().rewrap(&next, &key).unwrap()).unwrap()]).is_err());
    assert_eq!(master().roots(Some(&stored)).unwrap_err(), SealError::DataKey(0));
}

#[test]
fn what_was_erased_says_when() {
    let at = DateTime::from_timestamp(1_900_000_000, 0).unwrap();
    assert!(is_erased(&erased(at)) && !is_erased(&sealer(&[1]).seal(PLACE, b"").unwrap()));
    let said = sealer(&[1]).open(PLACE, &erased(at)).unwrap_err();
    assert_eq!(said, SealError::Erased(at));
    assert_eq!(said.to_string(), "erased on 2030-03-17, at the end of its retention");
}
