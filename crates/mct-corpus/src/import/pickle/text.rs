//! Strings of protocol 0, which are written as Python source.

/// The bytes of a quoted Python 2 string.
pub(super) fn unescape_string(line: &[u8]) -> Option<Vec<u8>> {
    let quote = *line.first().filter(|quote| matches!(quote, b'\'' | b'"'))?;
    let (last, body) = line.get(1..)?.split_last()?;
    if *last != quote {
        return None;
    }
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        let (escape, after) = rest.split_first()?;
        rest = after;
        out.push(match escape {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'\\' | b'\'' | b'"' => *escape,
            b'x' => {
                let (digits, after) = rest.split_first_chunk::<2>()?;
                rest = after;
                u8::try_from(hexadecimal(digits)?).ok()?
            }
            _ => return None,
        });
    }
    Some(out)
}

/// Text in Python's raw-unicode-escape: Latin-1 with `\uXXXX` and `\UXXXXXXXX`.
pub(super) fn unescape_unicode(line: &[u8]) -> Option<String> {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let [first, after @ ..] = rest {
        let length = match (first, after.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => {
                out.push(char::from(*first));
                rest = after;
                continue;
            }
        };
        let (digits, after) = after.get(1..)?.split_at_checked(length)?;
        out.push(char::from_u32(hexadecimal(digits)?)?);
        rest = after;
    }
    Some(out)
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |number, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        number.checked_mul(16)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_protocol_0_are_unescaped() {
        assert_eq!(
            unescape_string(br"'a\x00\n\'\\'"),
            Some(b"a\x00\n'\\".to_vec())
        );
        assert_eq!(unescape_string(br"'a"), None);
        assert_eq!(unescape_string(br"'\'"), None);
        assert_eq!(unescape_string(b"'"), None);
        let text = unescape_unicode(b"caf\xE9 \\u4e2d \\U0001f600 \\d");
        assert_eq!(text.as_deref(), Some("café 中 😀 \\d"));
        assert_eq!(unescape_unicode(b"\\u12"), None);
        assert_eq!(unescape_unicode(b"\\ud800"), None);
    }
}
