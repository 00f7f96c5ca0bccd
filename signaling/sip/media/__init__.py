"""Offers and answers of halls: which lines, codecs and limits both sides agree on."""
