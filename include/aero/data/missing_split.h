#pragma once

#include "aero/core/error.h"

namespace aero::data {

/// The corpus is there, and has no such split.
class MissingSplit : public UsageError {
 public:
  using UsageError::UsageError;
};

}  // namespace aero::data
