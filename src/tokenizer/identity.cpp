#include "aero/tokenizer/identity.h"

#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/sha256.h"
#include "aero/core/text.h"

namespace aero::tokenizer {
namespace {

std::string short_hash(const Identity& identity) {
  return identity.sha256.substr(0, 12);
}

}  // namespace

Identity identity_of(const std::filesystem::path& file) {
  return {sha256(read_file(file)), "the tokenizer " + file.string()};
}

void require_same(const Identity& one, const Identity& other, const std::string& permission) {
  if (one.sha256.empty() || other.sha256.empty() || one.sha256 == other.sha256) return;
  throw UsageError(fmt::format(
      "{} (tokenizer {}) and {} (tokenizer {}) have different tokenizers: the same ids "
      "stand for other text, and the output means nothing. Use two with the same tokenizer, "
      "or give {} if the difference is intended",
      one.owner, short_hash(one), other.owner, short_hash(other), permission));
}

}  // namespace aero::tokenizer
