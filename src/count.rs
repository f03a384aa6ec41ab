//! Numbers as they are read aloud.

/// Returns a number with its noun: `1 byte`, `2 bytes`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Returns a number of bytes with its noun and a comma between each three digits.
pub fn bytes(number: u64) -> String {
    format!(
        "{} {}",
        thousands(number),
        if number == 1 { "byte" } else { "bytes" }
    )
}

/// Returns a number with a comma between each three digits.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_singular() {
        let said = [0, 1, 2].map(|number| counted(number, "byte", "bytes"));
        assert_eq!(said, ["0 bytes", "1 byte", "2 bytes"]);
        assert_eq!([1, 1001].map(bytes), ["1 byte", "1,001 bytes"]);
    }

    #[test]
    fn numbers_are_grouped_by_three() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (123_456, "123,456"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(thousands(number), text);
        }
    }
}
