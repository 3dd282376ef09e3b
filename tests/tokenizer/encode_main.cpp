// Encodes or decodes records, job after job, for comparison with Hugging Face tokenizers.
//
// usage: encode_main < jobs > records
//
// A job is the path of a tokenizer.json, the name of a mode (encode, encode-names-as-text, decode),
// a u32 of how many records follow, and these. Paths, names and texts are a u32 of their bytes and
// the bytes; a list of ids is a u32 of its length and u32 ids. All records of a job are read before
// the first answer.

#include "aero/tokenizer/tokenizer.h"

#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

namespace {

using Ids = std::vector<std::int64_t>;

std::uint32_t read_number() {
  std::uint32_t value = 0;
  std::cin.read(reinterpret_cast<char*>(&value), sizeof(value));
  return value;
}

std::string read_text() {
  std::string text(read_number(), '\0');
  std::cin.read(text.data(), static_cast<std::streamsize>(text.size()));
  return text;
}

Ids read_ids() {
  Ids ids(read_number());
  for (std::int64_t& id : ids) id = read_number();
  return ids;
}

void write_number(std::size_t value) {
  const auto number = static_cast<std::uint32_t>(value);
  std::cout.write(reinterpret_cast<const char*>(&number), sizeof(number));
}

void decode(const aero::tokenizer::Tokenizer& tokenizer) {
  std::vector<Ids> records(read_number());
  for (Ids& ids : records) ids = read_ids();
  for (const Ids& ids : records) {
    const std::string text = tokenizer.decode(ids);
    write_number(text.size());
    std::cout << text;
  }
}

void encode(const aero::tokenizer::Tokenizer& tokenizer, aero::tokenizer::SpecialNames names) {
  std::vector<std::string> records(read_number());
  for (std::string& text : records) text = read_text();
  for (const std::string& text : records) {
    const auto ids = tokenizer.encode(text, names);
    write_number(ids.size());
    for (const std::int64_t id : ids) write_number(static_cast<std::size_t>(id));
  }
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  try {
    while (std::cin.peek() != std::istream::traits_type::eof()) {
      const auto tokenizer = aero::tokenizer::Tokenizer::load(read_text());
      const std::string mode = read_text();
      if (mode == "decode") {
        decode(tokenizer);
      } else {
        encode(tokenizer, mode == "encode" ? aero::tokenizer::SpecialNames::tokens
                                           : aero::tokenizer::SpecialNames::text);
      }
      std::cout.flush();
    }
  } catch (const std::exception& fault) {
    std::cerr << fault.what() << '\n';
    return 1;
  }
  return 0;
}
