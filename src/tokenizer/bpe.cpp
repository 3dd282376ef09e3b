#include "bpe.h"

#include <queue>

namespace aero::tokenizer {
namespace {

constexpr std::int32_t none = -1;

std::uint64_t key(std::uint32_t left, std::uint32_t right) {
  return (std::uint64_t{left} << 32) | right;
}

}  // namespace

/// One token of the word that is being encoded, linked to its neighbours by position.
struct Bpe::Symbol {
  Id id = 0;
  std::int32_t previous = none;
  std::int32_t next = none;
  bool alive = true;
};

struct Bpe::Candidate {
  std::uint32_t rank = 0;
  std::int32_t position = 0;
  Id merged = 0;

  bool operator>(const Candidate& other) const {
    return rank != other.rank ? rank > other.rank : position > other.position;
  }
};

Bpe::Bpe(std::unordered_map<std::string, Id> ids, const std::vector<Merge>& merges,
         bool whole_words)
    : ids_(std::move(ids)), byte_ids_(256, none), whole_words_(whole_words) {
  for (int byte = 0; byte < 256; ++byte) {
    const auto found = ids_.find(std::string(1, static_cast<char>(byte)));
    if (found != ids_.end()) byte_ids_[static_cast<std::size_t>(byte)] = found->second;
  }
  rules_.reserve(merges.size());
  for (std::uint32_t rank = 0; rank < merges.size(); ++rank) {
    const Merge& merge = merges[rank];
    rules_.insert_or_assign(key(merge.left, merge.right), Rule{rank, merge.merged});
  }
}

std::vector<Bpe::Symbol> Bpe::symbols_of(std::string_view word) const {
  std::vector<Symbol> symbols;
  symbols.reserve(word.size());
  for (const char c : word) {
    const std::int64_t id = byte_ids_[static_cast<unsigned char>(c)];
    if (id == none) continue;
    const auto position = static_cast<std::int32_t>(symbols.size());
    symbols.push_back({static_cast<Id>(id), position - 1, position + 1, true});
  }
  if (!symbols.empty()) symbols.back().next = none;
  return symbols;
}

const Bpe::Rule* Bpe::rule(Id left, Id right) const {
  const auto found = rules_.find(key(left, right));
  return found == rules_.end() ? nullptr : &found->second;
}

void Bpe::encode(std::string_view word, std::vector<std::int64_t>& out) const {
  if (whole_words_) {
    const auto whole = ids_.find(std::string(word));
    if (whole != ids_.end()) {
      out.push_back(whole->second);
      return;
    }
  }
  std::vector<Symbol> symbols = symbols_of(word);
  const auto at = [&](std::int32_t position) -> Symbol& {
    return symbols[static_cast<std::size_t>(position)];
  };
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto offer = [&](std::int32_t position) {
    if (position == none || at(position).next == none) return;
    const Rule* found = rule(at(position).id, at(at(position).next).id);
    if (found != nullptr) queue.push({found->rank, position, found->merged});
  };
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(symbols.size()); ++i) offer(i);

  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Symbol& left = at(best.position);
    if (!left.alive || left.next == none) continue;
    Symbol& right = at(left.next);
    // A neighbour may have merged since this pair was queued.
    const Rule* current = rule(left.id, right.id);
    if (current == nullptr || current->merged != best.merged) continue;
    left.id = best.merged;
    left.next = right.next;
    right.alive = false;
    if (left.next != none) at(left.next).previous = best.position;
    offer(left.previous);
    offer(best.position);
  }
  for (const Symbol& symbol : symbols) {
    if (symbol.alive) out.push_back(symbol.id);
  }
}

}  // namespace aero::tokenizer
