// Encodes or decodes a stream of records, for comparison with Hugging Face tokenizers.
//
// usage: encode_main tokenizer.json encode|encode-names-as-text|decode < records > records
//
// A text is a u32 of its bytes and the bytes; a list of ids is a u32 of its length and u32 ids.

#include "aero/data/tokenizer.h"

#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

namespace {

bool read_number(std::uint32_t& value) {
  return static_cast<bool>(std::cin.read(reinterpret_cast<char*>(&value), sizeof(value)));
}

void write_number(std::uint32_t value) {
  std::cout.write(reinterpret_cast<const char*>(&value), sizeof(value));
}

void encode_text(const aero::data::Tokenizer& tokenizer, aero::data::SpecialNames names,
                 std::uint32_t size) {
  std::string text(size, '\0');
  std::cin.read(text.data(), size);
  const auto ids = tokenizer.encode(text, names);
  write_number(static_cast<std::uint32_t>(ids.size()));
  for (const std::int64_t id : ids) write_number(static_cast<std::uint32_t>(id));
}

void decode_ids(const aero::data::Tokenizer& tokenizer, std::uint32_t size) {
  std::vector<std::int64_t> ids(size);
  for (std::int64_t& id : ids) {
    std::uint32_t value = 0;
    read_number(value);
    id = value;
  }
  const std::string text = tokenizer.decode(ids);
  write_number(static_cast<std::uint32_t>(text.size()));
  std::cout << text;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  std::ios::sync_with_stdio(false);
  try {
    const auto tokenizer = aero::data::Tokenizer::load(argv[1]);
    const std::string mode = argv[2];
    const auto names =
        mode == "encode" ? aero::data::SpecialNames::tokens : aero::data::SpecialNames::text;
    for (std::uint32_t size = 0; read_number(size);) {
      mode == "decode" ? decode_ids(tokenizer, size) : encode_text(tokenizer, names, size);
    }
  } catch (const std::exception& fault) {
    std::cerr << fault.what() << '\n';
    return 1;
  }
  return 0;
}
