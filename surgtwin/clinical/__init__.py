"""What hospital systems and devices say of the patient: FHIR R4 and HL7 v2 read strictly, scores, drugs, allergies."""
