-- For whoever asks what was said of one contract at a moment, or which contracts have a symbol or an ISIN.
CREATE UNIQUE INDEX contract_detail_contract_idx ON contract_detail (ib_contract_id, since, position);
CREATE INDEX contract_detail_symbol_idx ON contract_detail (symbol);
CREATE INDEX contract_detail_isin_idx ON contract_detail (isin);
