use super::*;

/// 20 ms of 1 kHz at -20 and -50 dBov. They are the first packets of FFmpeg's G.722 encoder.
const TONE_20: &str = "fa982a8c2192a0a060efc9c794dff3ee71fbd7d3d6bef4f0f27cd794d7feb4f0f2fd57d497ffb3f1f3ffd7d598fff4ef74ff\
     97d598fef3b1f37ed796d9fdb3f173fed7d699fdf3f1f3fed7d699fdf3b1f3fed7d79afcf4f0f3ded7d698feb5f0f2ded7d6\
     98fef5b0729dd7d698fef56ff6ff97d7995ff3b274fdd893dafef6f1f3dfdad4d5bdf4eff8fad8d39bfeb6f1f3ffd8d497fa\
     b7f0f0fad8d39edff4b0";
const TONE_50: &str = "fade77b2f2baa0a0acfb53d0d5ffb1edb1fc58d497fcf3b1f3ffd956d9bcf4f2b5fddad75bfcb5f3f6bfdad9db7bb6f3f6bd\
     dbdadcfdb5f3f6fd5bda9dfdb6f3f6fddcd9dcfcf4b2f6fddcd9ddfbb5f1b5fadcd9def9b4f1f5ba5c9adef9b4f1f5f9ddda\
     dff9b5f2f4f8dedadefab5f2f4f75c9abdfbb5f1b476dcdabdfbf6f1f2fa5fde9ff8b5f1f3fafedbfbdfb1f2f5b55e9fdffa\
     b673b37afcdddeb874b1";

fn bytes(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

#[test]
fn g722_is_as_loud_as_its_lower_band() {
    for (text, level) in [(TONE_20, 20), (TONE_50, 50)] {
        let read = Meter::default().read(Codec::G722, &bytes(text)).unwrap();
        assert!(read.abs_diff(level) <= 1, "{level}: {read}");
    }
}

#[test]
fn a_word_is_loud_with_its_first_packet_and_so_is_what_follows_a_loss() {
    let (quiet, loud) = (bytes(TONE_50), bytes(TONE_20));
    let mut meter = Meter::default();
    let _ = (0..50).map(|_| meter.read(Codec::G722, &quiet)).last();
    assert!(meter.read(Codec::G722, &loud).unwrap() <= 30);
    assert!(meter.read(Codec::G722, &loud[80..]).unwrap() <= 26);
}

#[test]
fn g711_is_as_loud_as_its_values_and_its_silence_is_silent() {
    let read = |codec, payload: &[u8]| Meter::default().read(codec, payload);
    assert_eq!(read(Codec::Pcma, &[0xaa; 160]), Some(0), "the largest value");
    assert_eq!(read(Codec::Pcmu, &[0x80; 160]), Some(0));
    assert_eq!(read(Codec::Pcma, &[0x35; 160]), Some(12), "8448 of 32768");
    assert_eq!(read(Codec::Pcma, &[0xd5; 160]), Some(72), "A-law has no zero");
    assert_eq!(read(Codec::Pcmu, &[0xff; 160]), Some(127));
}

#[test]
fn a_packet_without_sound_or_of_opus_does_not_say() {
    assert_eq!(Meter::default().read(Codec::Pcma, &[]), None);
    assert_eq!(Meter::default().read(Codec::Opus, &[1, 2, 3]), None);
}

#[test]
fn of_a_long_packet_the_start_counts_and_any_octets_are_read() {
    let mut long = vec![0xd5; METERED_BYTES_MAX];
    long.extend([0xaa; 1000]);
    assert_eq!(Meter::default().read(Codec::Pcma, &long), Some(72));
    let mut meter = Meter::default();
    for seed in 0..200u32 {
        let noise: Vec<u8> = (0..480u32)
            .map(|n| (seed.wrapping_mul(2_654_435_761).wrapping_add(n.wrapping_mul(n).wrapping_mul(40_503)) >> 9) as u8)
            .collect();
        assert!(meter.read(Codec::G722, &noise).is_some());
    }
}
