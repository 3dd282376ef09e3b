#include "aero/config/object_reader.h"

#include <algorithm>

namespace aero {

const JsonValue* ObjectReader::find(const JsonValue& object, const std::string& key) {
  const auto found = std::ranges::find(object.members, key, &JsonMember::key);
  return found == object.members.end() ? nullptr : &found->value;
}

bool ObjectReader::is_first(const JsonValue& object, const JsonMember& member,
                            const std::string& path) {
  if (&*std::ranges::find(object.members, member.key, &JsonMember::key) == &member) return true;
  fault(path, member.value.shown(), "this key stands here twice; keep one");
  return false;
}

void ObjectReader::check_keys(const JsonValue& object, const std::string& prefix,
                              const std::vector<std::string>& known,
                              const std::function<std::string(const std::string& key)>& message) {
  for (const JsonMember& member : object.members) {
    const std::string path = prefix + member.key;
    if (std::ranges::find(known, member.key) == known.end()) {
      fault(path, member.value.shown(), message(member.key));
    } else {
      is_first(object, member, path);
    }
  }
}

std::optional<std::string> ObjectReader::as_text(const JsonValue& value, const std::string& path,
                                                 const std::string& if_empty) {
  if (value.kind == Kind::text && !value.text.empty()) return value.text;
  fault(path, value.shown(),
        value.kind == Kind::text ? "is empty; " + if_empty
                                 : "expected a text, not " + value.kind_text());
  return std::nullopt;
}

}  // namespace aero
