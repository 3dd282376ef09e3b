#include "aero/cost/primitive.h"

#include "aero/config/enum_names.h"
#include "aero/config/notation.h"
#include "aero/core/error.h"
#include "aero/cost/forward_pass.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace aero::cost {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

/// The primitives of one role in a pass.
std::set<Primitive> primitives_of(const ModelConfig& config, PrimitiveRole role) {
  std::set<Primitive> found;
  for (const ForwardOperation& operation : forward_operations(config, whole_context(config))) {
    if (traits(operation.primitive).role == role) found.insert(operation.primitive);
  }
  return found;
}

/// "R" of "SM+LN+R"
std::string letter_at(const ModelConfig& config, std::size_t place) {
  std::string name = architecture_name(config);
  for (; place > 0; --place) name.erase(0, name.find('+') + 1);
  return name.substr(0, name.find('+'));
}

template <class Kind>
std::vector<Kind> kinds() {
  std::vector<Kind> all;
  for (std::size_t i = 0; i < enum_names<Kind>().size(); ++i) all.push_back(static_cast<Kind>(i));
  return all;
}

TEST(Primitive, HasARowForEachActivationWithTheNotationsLetter) {
  for (const auto kind : kinds<ActivationKind>()) {
    ModelConfig config{.n_layer = 1, .activation = kind};
    const auto found = primitives_of(config, PrimitiveRole::activation);
    if (kind == ActivationKind::none) {
      EXPECT_TRUE(found.empty());
      continue;
    }
    ASSERT_EQ(found.size(), 1U) << enum_name(kind);
    EXPECT_EQ(traits(*found.begin()).name, enum_name(kind));
    EXPECT_EQ(traits(*found.begin()).letter, letter_at(config, 2));
    EXPECT_GT(traits(*found.begin()).flops, 0);
  }
}

TEST(Primitive, HasARowForEachNormThatIsNotLinear) {
  for (const auto kind : kinds<NormKind>()) {
    ModelConfig config{.n_layer = 1, .norm = kind, .final_norm = false};
    const auto found = primitives_of(config, PrimitiveRole::norm);
    if (kind == NormKind::none || kind == NormKind::layernorm_fixed) {
      EXPECT_TRUE(found.empty());
      continue;
    }
    ASSERT_EQ(found.size(), 1U) << enum_name(kind);
    EXPECT_EQ(traits(*found.begin()).name, enum_name(kind));
    EXPECT_EQ(traits(*found.begin()).letter, letter_at(config, 1));
  }
}

TEST(Primitive, HasARowForEachAttention) {
  std::set<Primitive> all;
  for (const auto kind : kinds<AttentionKind>()) {
    ModelConfig config{.n_layer = 1, .attention = kind};
    const auto found = primitives_of(config, PrimitiveRole::attention);
    ASSERT_EQ(found.size(), 1U) << enum_name(kind);
    EXPECT_EQ(traits(*found.begin()).letter, letter_at(config, 0));
    all.insert(*found.begin());
  }
  EXPECT_EQ(all.size(), enum_names<AttentionKind>().size());
}

TEST(Primitive, IsFoundByItsName) {
  for (const PrimitiveTraits& row : primitives) EXPECT_EQ(primitive_named(row.name), row.primitive);
  EXPECT_THAT([] { primitive_named("tanh"); }, ThrowsMessage<Error>(HasSubstr("\"tanh\"")));
}

}  // namespace
}  // namespace aero::cost
