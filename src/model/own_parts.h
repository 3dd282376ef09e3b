#pragma once

#include "aero/model/decoder.h"

#include <string>

namespace aero::model {

/// DecoderImpl::own_parts().
std::string own_parts_of(const DecoderImpl& decoder);

/// Throws UsageError where they are not those that the decoder's config names.
void require_own_parts(const DecoderImpl& decoder);

}  // namespace aero::model
