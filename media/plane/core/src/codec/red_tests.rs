use super::*;

/// A payload with one redundant block of three bytes, 960 ticks older, and a primary block of two bytes (RFC 2198 §3). Longer
/// or shorter: the lengths and offsets that the tests expect are wrong.
const TWO: [u8; 10] = [0xef, 0x0f, 0x00, 0x03, 0x6f, 1, 2, 3, 4, 5];

#[test]
fn blocks_and_primary() {
    let found: Vec<_> = blocks(&TWO).unwrap().collect();
    assert_eq!(found[0], Block { payload_type: 111, timestamp_offset: 960, range: 5..8 });
    assert_eq!(found[1], Block { payload_type: 111, timestamp_offset: 0, range: 8..10 });
    assert_eq!(found.len(), 2);
    assert_eq!(primary(&TWO).as_ref(), Ok(&found[1]));
}

#[test]
fn primary_alone() {
    assert_eq!(primary(&[0x6f, 9]).unwrap().range, 1..2);
    assert_eq!(primary(&[0x6f]).unwrap().range, 1..1);
    assert_eq!(blocks(&[0x6f, 9]).unwrap().count(), 1);
}

#[test]
fn rewritten_types() {
    let mut payload = TWO;
    rewrite(&mut payload, &[(111, 96), (3, 4)]).unwrap();
    assert_eq!(payload[..5], [0xe0, 0x0f, 0x00, 0x03, 0x60]);
    rewrite(&mut payload, &[]).unwrap();
    assert_eq!(payload[4], 0x60);
}

#[test]
fn lengths_are_checked() {
    assert_eq!(primary(&[]), Err(Malformed));
    for len in 0..8 {
        assert_eq!(primary(&TWO[..len]), Err(Malformed), "length {len}");
    }
    assert!(primary(&TWO[..8]).is_ok());
    let endless = [0x80; 400];
    assert_eq!(primary(&endless), Err(Malformed));
}

#[test]
fn most_blocks() {
    let mut payload = [0x80, 0, 0, 0].repeat(BLOCKS_MAX);
    payload.push(0x01);
    assert_eq!(blocks(&payload).unwrap().count(), BLOCKS_MAX + 1);
    let mut more = [0x80, 0, 0, 0].repeat(BLOCKS_MAX + 1);
    more.push(0x01);
    assert_eq!(primary(&more), Err(Malformed));
}
