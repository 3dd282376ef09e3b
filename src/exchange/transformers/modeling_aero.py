"""AERO's models in transformers. `aero export` puts this file beside the weights.

Parameters have the names of AERO's weights.safetensors. Every part follows the section "model" of
an AERO config: a part that is absent there is absent here.
"""

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import DynamicCache, GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from .configuration_aero import AeroConfig

Section = dict[str, Any]


def widened(x: Tensor) -> Tensor:
    """Returns half precision as float32, and other types as they are."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


def scalar(value: float = 1.0) -> nn.Parameter:
    """Makes a learned number, of shape [1]."""
    return nn.Parameter(torch.tensor([float(value)]))


class RMSNorm(nn.Module):
    """Computes x / sqrt(mean(x^2) + eps) * weight."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        wide = widened(x)
        normed = wide / torch.sqrt(wide.pow(2).mean(-1, keepdim=True) + self.eps)
        return (normed * self.weight).to(x.dtype)


class FixedLayerNorm(nn.Module):
    """Computes g LayerNorm(x) + (1 - g) fixed(x), with the gate g.

    fixed(x) is (x - mean(x)) / sigma * weight + bias.
    """

    def __init__(self, section: Section) -> None:
        super().__init__()
        width = section["d_model"]
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if section["norm_bias"] else None
        self.eps = section["norm_eps"]
        self.register_buffer("sigma", torch.ones(1))
        self.register_buffer("gate", torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        gate = self.gate.item()
        normed = functional.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)
        if gate == 1:
            return normed  # sigma may still be 0
        wide = widened(x)
        fixed = (wide - wide.mean(dim=-1, keepdim=True)) / self.sigma * self.weight
        if self.bias is not None:
            fixed = fixed + self.bias
        return (gate * normed + (1 - gate) * fixed).to(x.dtype)


def make_norm(kind: str, section: Section) -> nn.Module:
    """Makes a norm over the last dimension, or the identity."""
    width, eps = section["d_model"], section["norm_eps"]
    if kind == "layernorm":
        return nn.LayerNorm(width, eps=eps, bias=section["norm_bias"])
    if kind == "rmsnorm":
        return RMSNorm(width, eps)
    return FixedLayerNorm(section) if kind == "layernorm_fixed" else nn.Identity()


class LeakyReLU(nn.Module):
    """Computes x where x is positive and slope * x elsewhere, with a learned slope."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = scalar(slope)

    def forward(self, x: Tensor) -> Tensor:
        return x.clamp(min=0) + self.slope.to(x.dtype) * x.clamp(max=0)


class Quadratic(nn.Module):
    """Computes MPCFormer's quadratic substitute of GELU (arXiv 2211.01452)."""

    def forward(self, x: Tensor) -> Tensor:
        return 0.125 * x * x + 0.25 * x + 0.5


def make_activation(section: Section) -> nn.Module:
    """Makes the activation of the FFN, or the identity."""
    kind = section["activation"]
    if kind == "leaky_relu":
        is_fixed = section["leaky_slope"] == "fixed"
        slope = section["leaky_init"]
        return nn.LeakyReLU(slope) if is_fixed else LeakyReLU(slope)
    if kind in ("gelu", "gelu_tanh"):
        return nn.GELU(approximate="tanh" if kind == "gelu_tanh" else "none")
    return {"relu": nn.ReLU, "quadratic": Quadratic, "none": nn.Identity}[kind]()


class FeedForward(nn.Module):
    """Computes two matrices with an activation between them, or where it is fused one matrix."""

    def __init__(self, section: Section, shared: nn.Module | None) -> None:
        super().__init__()
        d, bias = section["d_model"], section["biases"] == "all"
        inner = section["d_ffn"] or 4 * d
        self.is_fused = section["ffn_fused"]
        if self.is_fused:
            self.w = nn.Linear(d, d, bias=bias)
            return
        self.w_in = nn.Linear(d, inner, bias=bias)
        self.w_out = nn.Linear(inner, d, bias=bias)
        if shared is None:
            self.activation = make_activation(section)
        self.shared = (shared,)  # in a tuple, so that it is registered once, by the model

    def forward(self, x: Tensor) -> Tensor:
        if self.is_fused:
            return self.w(x)
        activation = self.activation if self.shared[0] is None else self.shared[0]
        return self.w_out(activation(self.w_in(x)))


def rotated(x: Tensor, positions: Tensor, width: int, base: float) -> Tensor:
    """Rotates the leading dimensions of each head of [B, H, T, d_k]. Angles are float32."""
    exponent = torch.arange(0, width, 2, dtype=torch.float32, device=x.device) / width
    angle = positions.float()[:, None, :, None] * (1.0 / base**exponent)
    angle = torch.cat((angle, angle), dim=-1)
    turned, rest = x[..., :width], x[..., width:]
    first, second = turned[..., : width // 2], turned[..., width // 2 :]
    crossed = torch.cat((-second, first), dim=-1)
    turned = turned * angle.cos().to(x.dtype) + crossed * angle.sin().to(x.dtype)
    return torch.cat((turned, rest), dim=-1)


class Attention(nn.Module):
    """Computes causal attention with AERO's temperatures and substitutes of softmax.

    In the family simplified it is (alpha weights + beta I - gamma C) V for each head, where C is
    the causal uniform matrix; in layer 0 V = g_r X W_V + g_s X, in deeper layers V = X.
    """

    def __init__(self, section: Section, layer: int) -> None:
        super().__init__()
        d, self.n_head = section["d_model"], section["n_head"]
        self.section, self.layer = section, layer
        self.q = nn.Linear(d, d, bias=section["biases"] != "none")
        self.k = nn.Linear(d, d, bias=section["biases"] != "none")
        self.is_shaped = section["family"] == "simplified"
        if section["temperature"] != "none":
            by_head = section["temperature_shape"] == "head"
            columns = 1 if by_head else section["context"]
            self.temperature = nn.Parameter(torch.ones(self.n_head, columns))
        if not self.is_shaped:
            self.v = nn.Linear(d, d, bias=section["biases"] == "all")
            self.o = nn.Linear(d, d, bias=section["biases"] == "all")
            return
        for name in ("alpha", "beta", "gamma"):
            start = torch.full((self.n_head,), float(section["simplified"]["shaped_init"]))
            self.register_parameter(name, nn.Parameter(start))
        if layer == 0:
            self.v = nn.Linear(d, d, bias=False)
            self.value_gain, self.value_skip = scalar(), scalar()

    def values(self, x: Tensor) -> Tensor:
        """Returns V, [B, T, d]."""
        if not self.is_shaped:
            return self.v(x)
        return self.value_gain * self.v(x) + self.value_skip * x if self.layer == 0 else x

    def row_temperature(self, positions: Tensor) -> Tensor:
        """Returns the temperature of each query, [B, H, T, 1]."""
        form, stored = self.section["temperature"], widened(self.temperature)
        if form == "exp":
            stored = stored.exp()
        elif form == "softplus":
            stored = functional.softplus(stored)
        if stored.shape[1] == 1:
            return stored[None, :, :, None]
        return stored[:, positions].transpose(0, 1)[..., None]

    def weights(self, q: Tensor, k: Tensor, visible: Tensor, positions: Tensor) -> Tensor:
        """Returns the weights of the keys, [B, H, T, keys], at least in float32."""
        if self.section["attention_scaled"]:
            q = q / math.sqrt(q.shape[-1])
        scores = widened(q) @ widened(k).transpose(-1, -2)
        if self.section["temperature"] != "none":
            scores = scores / self.row_temperature(positions)
        if self.section["attention"] == "softmax":
            return scores.masked_fill(~visible, -math.inf).softmax(dim=-1)
        if self.section["attention"] == "two_quad":
            squares = (scores + self.section["two_quad_shift"]).square() * visible
            return squares / squares.sum(dim=-1, keepdim=True)
        return scores.relu() * visible / visible.sum(dim=-1, keepdim=True)

    def forward(
        self, x: Tensor, visible: Tensor, positions: Tensor, cache: DynamicCache | None
    ) -> Tensor:
        q, k, v = (
            part.unflatten(-1, (self.n_head, -1)).transpose(1, 2)
            for part in (self.q(x), self.k(x), self.values(x))
        )
        if self.section["family"] == "pythia":
            width = int(q.shape[-1] * self.section["rotary_fraction"])
            base = self.section["rotary_base"]
            q, k = (rotated(part, positions, width, base) for part in (q, k))
        recent = widened(v)
        if cache is not None:
            k, v = cache.update(k, v, self.layer)
        wide = widened(v)
        mixed = self.weights(q, k, visible, positions).to(wide.dtype) @ wide
        if self.is_shaped:
            alpha, beta, gamma = (p[:, None, None] for p in (self.alpha, self.beta, self.gamma))
            means = visible.to(wide.dtype) / visible.sum(dim=-1, keepdim=True) @ wide
            mixed = alpha * mixed + beta * recent - gamma * means
        joined = mixed.to(x.dtype).transpose(1, 2).flatten(-2)
        return joined if self.is_shaped else self.o(joined)


class Block(nn.Module):
    """Runs attention and FFN, one after the other or side by side, each with its residual."""

    def __init__(self, section: Section, layer: int, shared: nn.Module | None) -> None:
        super().__init__()
        self.parallel = section["parallel_residual"]
        self.attention = Attention(section, layer)
        self.has_ffn = layer < section["n_layer"] - section["ffn_pruned"]
        self.has_ffn = self.has_ffn and layer not in section["ffn_pruned_layers"]
        if self.has_ffn:
            self.ffn = FeedForward(section, shared)
        self.make_branches(section, layer)

    def make_branches(self, section: Section, layer: int) -> None:
        """Makes the norms, and the gains of the branches."""
        self.norm1 = make_norm(section["norm"], section)
        self.is_scaled = section["ffn_scaled"] and self.has_ffn
        if self.has_ffn:
            self.norm2 = make_norm(section["norm"], section)
        if self.is_scaled:
            self.alpha, self.beta = scalar(), scalar()

    def forward(self, x: Tensor, *context: Any) -> Tensor:
        attended = x + self.attention(self.norm1(x), *context)
        if not self.has_ffn:
            return attended
        fed = self.ffn(self.norm2(x if self.parallel else attended))
        if self.is_scaled:
            return self.beta * attended + fed / self.alpha
        return attended + fed


class SimplifiedBlock(Block):
    """Computes h = a attention(n1(x)) and out = m_s h + m_r ffn(n2(h)) (arXiv 2311.01906).

    The parallel block computes out = a attention(n1(x)) + m_r ffn(n1(x)). Without norms, layer 0
    keeps a LayerNorm before its attention.
    """

    def make_branches(self, section: Section, layer: int) -> None:
        first_of_none = layer == 0 and section["norm"] == "none"
        self.norm1 = make_norm("layernorm" if first_of_none else section["norm"], section)
        self.attention_gain = scalar()
        if self.has_ffn:
            self.ffn_gain = scalar()
        if self.has_ffn and not self.parallel:
            self.norm2 = make_norm(section["norm"], section)
            self.skip_gain = scalar()

    def forward(self, x: Tensor, *context: Any) -> Tensor:
        normed = self.norm1(x)
        h = self.attention_gain * self.attention(normed, *context)
        if not self.has_ffn:
            return h
        if self.parallel:
            return h + self.ffn_gain * self.ffn(normed)
        return self.skip_gain * h + self.ffn_gain * self.ffn(self.norm2(h))


class AeroPreTrainedModel(PreTrainedModel):
    """Says how transformers loads and initialises an AERO model."""

    config_class = AeroConfig
    base_model_prefix = "model"
    _no_split_modules: ClassVar[list[str]] = ["Block", "SimplifiedBlock"]

    def _init_weights(self, module: nn.Module) -> None:
        """Initialises what no checkpoint holds; gains and scales begin as they are built."""
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=self.config.aero.get("init_std", 0.02))
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)


class AeroForCausalLM(AeroPreTrainedModel, GenerationMixin):
    """Maps token ids to logits, with a cache, with padding on either side."""

    _tied_weights_keys: ClassVar[dict[str, str]] = {"head.weight": "tokens.weight"}

    def __init__(self, config: AeroConfig) -> None:
        super().__init__(config)
        section = config.aero
        d = section["d_model"]
        self.tokens = nn.Embedding(section["vocab_size"], d)
        if section["family"] != "pythia":
            self.positions = nn.Embedding(section["positions"] or section["context"], d)
        shared = None
        if section["activation"] == "leaky_relu" and section["leaky_slope"] == "model":
            shared = self.activation = make_activation(section)
        block = SimplifiedBlock if section["family"] == "simplified" else Block
        self.blocks = nn.ModuleList(block(section, i, shared) for i in range(section["n_layer"]))
        kind = "rmsnorm" if section["norm"] == "rmsnorm" else "layernorm"
        self.final_norm = make_norm(kind if section["final_norm"] else "none", section)
        self.head = nn.Linear(d, section["vocab_size"], bias=False)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        return self.tokens

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.tokens = value

    def get_output_embeddings(self) -> nn.Module:
        return self.head

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        self.head = new_embeddings

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: DynamicCache | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int = 0,
        return_dict: bool | None = None,
        cache: DynamicCache | None = None,  # the name of past_key_values in later versions
        **kwargs: Any,
    ) -> CausalLMOutputWithPast | tuple[Any, ...]:
        x = self.tokens(input_ids) if inputs_embeds is None else inputs_embeds
        cache = past_key_values if cache is None else cache
        if use_cache and cache is None:
            cache = DynamicCache()
        start = 0 if cache is None else cache.get_seq_length()
        visible, positions = visible_keys(attention_mask, x, start)
        if position_ids is not None:
            positions = position_ids
        if hasattr(self, "positions"):
            x = x + self.positions(positions)
        for block in self.blocks:
            x = block(x, visible, positions, cache)
        x = self.final_norm(x)
        logits = self.head(x[:, -logits_to_keep:] if logits_to_keep else x)
        loss = None
        if labels is not None:
            rows = widened(logits[:, :-1]).flatten(0, 1)
            loss = functional.cross_entropy(rows, labels[:, 1:].flatten(), ignore_index=-100)
        output = CausalLMOutputWithPast(loss=loss, logits=logits, past_key_values=cache)
        return output.to_tuple() if return_dict is False else output


def visible_keys(mask: Tensor | None, x: Tensor, start: int) -> tuple[Tensor, Tensor]:
    """Returns which keys each query sees, [B, 1, T, keys], and the positions of the queries.

    Padding, where the mask [B, keys] is 0, counts no position, and nobody sees it but itself.
    """
    batch, length = x.shape[:2]
    keys = start + length
    if mask is None:
        mask = torch.ones(batch, keys, dtype=torch.long, device=x.device)
    positions = (mask.long().cumsum(dim=-1) - 1).clamp(min=0)[:, start:]
    slots = torch.arange(keys, device=x.device)
    queries = slots[start:, None]
    visible = (slots <= queries) & mask.bool()[:, None, :] | (slots == queries)
    return visible[:, None], positions
