//! QR codes (ISO/IEC 18004) drawn as terminal text, SVG and PNG.

use qrcode::bits::Bits;
use qrcode::render::svg;
use qrcode::{Color, EcLevel, QrCode, Version};

#[derive(Debug, thiserror::Error)]
#[error("the text does not fit a QR code")]
pub struct QrTextTooLong;

/// Modules of white around the code, as the standard wants.
const QUIET: usize = 4;
/// Half of that in a terminal: the code of a usual URL, and the URL, then fit its 24 lines.
const TERMINAL_QUIET: usize = 2;

/// The smallest code that holds the text as plain bytes. The library's own choice, a mix of
/// modes, is at times a size larger: codes of one length would jump as they rotate.
fn code(text: &str) -> Result<QrCode, QrTextTooLong> {
    let of_size = |size| {
        let mut bits = Bits::new(Version::Normal(size));
        bits.push_byte_data(text.as_bytes()).and_then(|()| bits.push_terminator(EcLevel::M)).ok()?;
        QrCode::with_bits(bits, EcLevel::M).ok()
    };
    (1..=40).find_map(of_size).ok_or(QrTextTooLong)
}

/// White on black whatever the terminal's own colours are: of the 256 these two are the same everywhere, while themes
/// change the first sixteen.
const WHITE_ON_BLACK: &str = "\x1b[38;5;231;48;5;16m";
const OWN_COLOURS: &str = "\x1b[0m";

/// Two modules a character, in colours of its own, so that it scans on dark and on light terminals. Where colours are
/// taken out, it is light on a dark terminal.
pub fn terminal(text: &str) -> Result<String, QrTextTooLong> {
    let code = code(text)?;
    let (modules, colors) = (code.width(), code.to_colors());
    let is_light = |x: usize, y: usize| match (x.checked_sub(TERMINAL_QUIET), y.checked_sub(TERMINAL_QUIET)) {
        (Some(x), Some(y)) if x < modules && y < modules => colors[y * modules + x] == Color::Light,
        _ => true,
    };
    let side = modules + 2 * TERMINAL_QUIET;
    let line = |y: usize| -> String {
        let halves = (0..side).map(|x| (is_light(x, y), is_light(x, y + 1)));
        let drawn: String =
            halves.map(|(upper, lower)| [[' ', '▄'], ['▀', '█']][usize::from(upper)][usize::from(lower)]).collect();
        // each line by itself: a terminal that scrolls fills up the next one in the colours that are set
        format!("{WHITE_ON_BLACK}{drawn}{OWN_COLOURS}")
    };
    Ok((0..side).step_by(2).map(line).collect::<Vec<_>>().join("\n"))
}

pub fn svg(text: &str) -> Result<String, QrTextTooLong> {
    Ok(code(text)?.render::<svg::Color<'_>>().min_dimensions(320, 320).build())
}

/// Greyscale, one bit a pixel, eight pixels a module.
pub fn png(text: &str) -> Result<Vec<u8>, QrTextTooLong> {
    const SCALE: usize = 8;
    let code = code(text)?;
    let modules = code.width();
    let side = (modules + 2 * QUIET) * SCALE;
    let row_bytes = side.div_ceil(8);
    let mut pixels = vec![0xff_u8; row_bytes * side];
    let colors = code.to_colors();
    for (index, _) in colors.iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
        let (x, y) = ((index % modules + QUIET) * SCALE, (index / modules + QUIET) * SCALE);
        for row in y..y + SCALE {
            // SCALE is 8, so a module is exactly one byte of a row
            pixels[row * row_bytes + x / 8] = 0;
        }
    }
    encode_png(side, &pixels).map_err(|_| QrTextTooLong)
}

fn encode_png(side: usize, pixels: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    let side = u32::try_from(side).unwrap_or(u32::MAX);
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_drawn() {
        let url = "http://localhost:6996/v2/sync/users/111/sessions/00112233445566778899aabbccddeeff/";
        assert!(svg(url).is_ok_and(|svg| svg.contains("<svg")));
        assert!(png(url).is_ok_and(|png| png.starts_with(b"\x89PNG")));
        assert!(terminal(url).is_ok_and(|text| text.lines().count() == 21));
        assert!(svg(&"x".repeat(2_331)).is_ok(), "as much as the standard has room for");
        assert!(svg(&"x".repeat(2_332)).is_err());
    }

    #[test]
    fn texts_of_one_length_make_codes_of_one_size() {
        let text = |sid| format!("http://127.0.0.1:36996/v2/sync/users/111/sessions/{sid:032x}/");
        for n in 0..200_u128 {
            let sid = n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            assert!(code(&text(sid)).is_ok_and(|code| code.width() == 37), "{sid:032x}");
        }
    }
}
