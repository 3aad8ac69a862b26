//! How many calls a second can be made durable.
fn main() {
    divan::main();
}
